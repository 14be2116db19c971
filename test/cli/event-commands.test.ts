import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { defaultDataDir } from '../../src/config/home-path.ts';
import { eventFileOf, eventLine } from '../../src/data-dir/event-file.ts';
import { MeshError } from '../../src/errors.ts';
import type { AdminClient } from '../../src/transport/grpc-client.ts';
import type { EventsItem__Output } from '../../src/transport/generated/omega/mesh/v1/EventsItem.ts';
import type { HistoryEvent__Output } from '../../src/transport/generated/omega/mesh/v1/HistoryEvent.ts';
import type { TreeNode__Output } from '../../src/transport/generated/omega/mesh/v1/TreeNode.ts';
import { FakeProcess } from './fake-process.ts';

const AT = Date.parse('2026-01-01T00:00:00.000Z');

function event(sequence: number, type: string, path: string, more: Partial<HistoryEvent__Output> = {}): HistoryEvent__Output {
  const none = { decision: '', delayMs: 0, error: '', errorDetail: null, lastMoments: null, supervisor: '', strategy: '', restart: '', context: '', budget: null, takenAlong: 0, takenAlongFirst: [] };
  return { sequence, atMs: AT + sequence, type, path, life: 1, reason: type, ...none, ...more };
}

const CRASH = event(2, 'crash', '/bus', {
  reason: 'boom',
  errorDetail: { name: 'TypeError', message: 'boom', code: '', stack: 'at bus', cause: { name: 'Error', message: 'deep', code: 'ENOSPC', stack: '', cause: null } },
  lastMoments: { during: 'receive put', state: '', mailbox: 1, processed: 2, uptimeMs: 3.4 },
  supervisor: '/',
  strategy: 'one_for_one',
  restart: 'permanent',
  context: 'child_terminated',
  decision: 'restart',
  budget: { usedBefore: 0, used: 1, intensity: 3, periodMs: 5_000 },
});
const PAST = { boot: 'b0', node: 'a', sequence: 9, atMs: AT - 1_000, type: 'crash', path: '/bus', life: 4, reason: 'long ago' };

describe('the commands about what happened', () => {
  let fake: FakeProcess;
  let dataDir: string;

  beforeEach(() => {
    fake = new FakeProcess();
    dataDir = defaultDataDir(fake.home, 'a');
  });
  afterEach(() => fake.remove());

  const leave = (...lines: string[]): void => {
    mkdirSync(dirname(eventFileOf(dataDir)), { recursive: true });
    appendFileSync(eventFileOf(dataDir), lines.map((line) => `${line}\n`).join(''));
  };

  /** A node that runs in `dataDir`. */
  const answer = (admin: Partial<AdminClient>): void => {
    fake.answerAsNode(admin);
    fake.registerNode(join(dataDir, 'admin.sock'), dataDir);
  };

  const history = (...events: HistoryEvent__Output[]): Pick<AdminClient, 'listHistory'> => ({
    listHistory: ({ path = '', limit = 0 }) => Promise.resolve({ boot: 'b1', events: events.filter((one) => one.path.startsWith(path)).slice(-limit) }),
  });

  const tree = (path: string): TreeNode__Output =>
    ({ path, status: 'running', life: 2, restarts: 1, mailbox: 0, processed: 5, uptimeMs: 1_000.4, children: [] }) as unknown as TreeNode__Output;

  describe('history', () => {
    it('shows what the node says and what earlier runs have left, each once, the newest last', async () => {
      answer(history(CRASH, event(3, 'restart', '/bus')));
      leave(eventLine(PAST), JSON.stringify({ ...CRASH, boot: 'b1', error: undefined, budget: undefined, takenAlong: undefined }));
      const { stdout } = await fake.mesh('history', '--json');
      const lines = JSON.parse(stdout) as { boot: string; sequence: number }[];
      expect(lines.map(({ boot, sequence }) => `${boot} ${sequence}`)).to.deep.equal(['b0 9', 'b1 2', 'b1 3']);
      expect(lines[1]).to.deep.equal({
        sequence: 2,
        at: '2026-01-01T00:00:00.002Z',
        type: 'crash',
        path: '/bus',
        life: 1,
        reason: 'boom (in receive put)',
        decision: 'restart',
        delayMs: 0,
        error: 'TypeError: boom ← deep',
        boot: 'b1',
        isEarlierRun: false,
      });
      expect((await fake.mesh('history')).stdout).to.match(/RUN.*\n.* b0 .*long ago.*\n.* now .*boom/);
    });

    it('shows the newest of both, as many as are wanted', async () => {
      answer(history(CRASH, event(3, 'restart', '/bus')));
      leave(eventLine(PAST));
      const { stdout } = await fake.mesh('history', '--limit', '2', '--json');
      expect((JSON.parse(stdout) as unknown[])).to.have.length(2);
      expect(stdout).to.not.include('long ago');
    });

    it('says that there is nothing', async () => {
      answer(history());
      expect(await fake.mesh('history')).to.deep.equal({ exitCode: 0, stdout: '', stderr: 'mesh: nothing has crashed or been restarted\n' });
    });

    it('works from the file when the node is down, and says so in one line', async () => {
      leave(eventLine(PAST));
      const { exitCode, stdout, stderr } = await fake.mesh('history');
      expect(exitCode).to.equal(0);
      expect(stdout).to.include('long ago');
      expect(stderr).to.equal(`mesh: no node is running in ${dataDir}: this is from the events it left there\n`);
      expect((await fake.mesh('history', '--data-dir', dataDir)).stdout).to.include('long ago');
      expect((await fake.mesh('history', '--json')).stderr).to.equal('');
    });

    it('skips damaged lines, and counts those that it has to read', async () => {
      leave('{"boot":"b0","seq', eventLine(PAST), '[]', 'null', '', '{}', '"x"', '{"type":{}}');
      const { stdout, stderr } = await fake.mesh('history');
      expect(stdout).to.include('long ago');
      expect(stderr).to.include(`6 damaged lines of ${eventFileOf(dataDir)} skipped`);
    });

    it('names the directories when several nodes have left events, and the usual when none has', async () => {
      expect((await fake.mesh('history')).exitCode).to.equal(3);
      leave(eventLine(PAST));
      const other = defaultDataDir(fake.home, 'b');
      mkdirSync(dirname(eventFileOf(other)), { recursive: true });
      writeFileSync(eventFileOf(other), '');
      const { exitCode, stderr } = await fake.mesh('history');
      expect(exitCode).to.equal(2);
      expect(stderr).to.include(`--data-dir ${dataDir}\n`).and.to.include(`--data-dir ${other}\n`);
    });

    it('finds a path that only an earlier run knew, and passes on what the node says of one that nobody knew', async () => {
      const unknown = new MeshError('UNKNOWN_PATH', 'there is no actor at /gone', { todo: 'did you mean /bus?' });
      answer({ listHistory: ({ path }) => (path === '' ? Promise.resolve({ boot: 'b1', events: [] }) : Promise.reject(unknown)) });
      expect(await fake.mesh('history', '/gone')).to.include({ exitCode: 1, stderr: 'mesh: there is no actor at /gone\n  did you mean /bus?\n' });
      leave(eventLine({ ...PAST, path: '/gone' }));
      expect((await fake.mesh('history', '/gone')).stdout).to.include('long ago');
    });
  });

  describe('why', () => {
    it('is one paragraph', async () => {
      answer({ ...history(CRASH, event(3, 'restart', '/bus')), getTree: ({ path = '' }) => Promise.resolve(tree(path)) });
      const { exitCode, stdout } = await fake.mesh('why', '/bus');
      expect(exitCode).to.equal(0);
      const words = stdout.replaceAll('\n', ' ');
      expect(words).to.match(/^\/bus, life 1, crashed .* in receive put: TypeError: boom, caused by deep \(ENOSPC\)\. It had lived for 3ms/);
      expect(stdout.split('\n').every((line) => line.length <= 80)).to.equal(true);
    });

    it('gives the facts to scripts under stable keys', async () => {
      answer({ ...history(CRASH), getTree: ({ path = '' }) => Promise.resolve(tree(path)) });
      const facts = JSON.parse((await fake.mesh('why', '/bus', '--json')).stdout) as Record<string, unknown>;
      expect(Object.keys(facts)).to.have.members(['path', 'kind', 'now', 'isNodeUp', 'event', 'isEarlierRun', 'agoMs', 'errors', 'askedBy', 'cause', 'crash', 'ends', 'upAgainAfterMs']);
      expect(facts['event']).to.deep.include({ at: '2026-01-01T00:00:00.002Z', budget: { usedBefore: 0, used: 1, intensity: 3, periodMs: 5_000 }, mailbox: 1, state: null, uptimeMs: 3 });
      expect(facts['now']).to.include({ uptimeMs: 1_000 });
      expect(facts['errors']).to.deep.equal([
        { name: 'TypeError', message: 'boom', code: null, stack: 'at bus' },
        { name: 'Error', message: 'deep', code: 'ENOSPC', stack: null },
      ]);
    });

    it('works when the node is down', async () => {
      leave(eventLine(PAST));
      const { exitCode, stdout } = await fake.mesh('why', '/bus');
      expect(exitCode).to.equal(0);
      expect(stdout.replaceAll('\n', ' ')).to.include('long ago').and.to.include('The node does not run now.');
    });

    it('names the nearest path for one that was never heard of, and ends with 1', async () => {
      leave(eventLine(PAST));
      const { exitCode, stderr } = await fake.mesh('why', '/buss');
      expect(exitCode).to.equal(1);
      expect(stderr).to.include('nothing is known of /buss').and.to.include('did you mean /bus?');
    });
  });

  describe('events', () => {
    const stream = (...items: EventsItem__Output[]): Pick<AdminClient, 'listEvents'> & { readonly asked: unknown[] } => {
      const asked: unknown[] = [];
      return {
        asked,
        listEvents: async function* (request) {
          asked.push(request);
          yield* items;
        },
      };
    };

    it('prints what there is, with the gaps in it, and ends', async () => {
      const admin = stream({ event: CRASH, item: 'event' }, { gap: { lost: 3, from: 3, to: 5 }, item: 'gap' });
      answer(admin);
      const { exitCode, stdout } = await fake.mesh('events', '--path', '/bus', '--type', 'crash', '--type', 'exit', '--since', '1');
      expect(exitCode).to.equal(0);
      expect(admin.asked).to.deep.equal([{ path: '/bus', types: ['crash', 'exit'], since: 1, follow: false }]);
      expect(stdout).to.equal('2026-01-01T00:00:00.002Z #2 crash /bus life 1: boom (in receive put) → restart\n… 3 events are not kept any more: #3 to #5\n');
      const lines = (await fake.mesh('events', '--json')).stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines[0]).to.deep.include({ sequence: 2, type: 'crash', path: '/bus' });
      expect(lines[1]).to.deep.equal({ type: 'gap', lost: 3, from: 3, to: 5 });
    });

    it('says how to go on when the node ends the stream', async () => {
      answer(stream({ event: CRASH, item: 'event' }));
      const { exitCode, stderr } = await fake.mesh('events', '--follow');
      expect(exitCode).to.equal(3);
      expect(stderr).to.include('--since 2');
    });

    it('needs a node that runs', async () => {
      leave(eventLine(PAST));
      expect((await fake.mesh('events')).exitCode).to.equal(3);
    });

    it('takes no number that is none', async () => {
      expect((await fake.mesh('events', '--since', '-1')).exitCode).to.equal(2);
    });
  });
});
