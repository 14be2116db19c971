import { userInfo } from 'node:os';
import { expect } from 'chai';
import { askerOf } from '../../src/cli/asker.ts';
import type { ActorInfo__Output } from '../../src/transport/generated/omega/mesh/v1/ActorInfo.ts';
import type { ControlReply__Output } from '../../src/transport/generated/omega/mesh/v1/ControlReply.ts';
import type { TraceItem__Output } from '../../src/transport/generated/omega/mesh/v1/TraceItem.ts';
import { MeshError } from '../../src/errors.ts';
import { FakeProcess } from './fake-process.ts';
import type { Outcome } from './fake-process.ts';

const INFO: ActorInfo__Output = {
  path: '/bus/subjects', type: 'worker', status: 'running', life: 2, uptimeMs: 61_000.4, restarts: 1, crashes: 1, restart: 'permanent',
  shutdown: '5000', startTimeoutMs: 5_000, significant: false, isolation: 'none', lane: 'turn',
  budget: { used: 1, intensity: 3, periodMs: 5_000, isShared: true }, strategy: '', autoShutdown: '', children: 0, childrenBudget: null,
  mailbox: 4, mailboxMax: 10_000, mailboxPeak: 12, overflow: 'drop_oldest', overflowed: 3, processed: 1, ratePerS: 0.44, busyMs: 0.0304,
  lastTurnMs: 0.0301, zombies: 0, watchers: 1, watched: 0, links: 1, lastEnd: 'error: boom',
  lastError: { name: 'TypeError', message: 'boom\nat x', code: '', stack: 'TypeError: boom\n  at x', cause: null },
};

async function* stream(...items: TraceItem__Output[]): AsyncGenerator<TraceItem__Output> {
  yield* items;
}

describe('commands about one actor', () => {
  let fake: FakeProcess;
  const mesh = (...argv: string[]): Promise<Outcome> => fake.mesh(...argv);

  beforeEach(() => {
    fake = new FakeProcess();
  });
  afterEach(() => fake.remove());

  it('info tells people what it is, a line for each concern', async () => {
    fake.answerAsNode({ getActor: () => Promise.resolve(INFO) });
    expect((await mesh('info', '/bus/subjects')).stdout.split('\n')).to.deep.equal([
      'actor       /bus/subjects, worker',
      'status      running, life 2, up 1m 01s',
      'restarts    1, after 1 crash',
      'rules       permanent, 5s to stop, 5s to start',
      'budget      1 of 3 restarts in 5s used, shared with its siblings',
      'mailbox     4 of 10000, at most 12 so far; one too many: drop_oldest, so far 3',
      'work        1 message, 0.4/s, busy 30µs in all, last turn 30µs',
      'bonds       watched by 1, watches 0, 1 link',
      'isolation   none, lane turn',
      'zombies     0',
      'last end    error: boom',
      'last error  TypeError: boom',
      '',
    ]);
  });

  it('info has stable keys, nulls for what is not, and no stack', async () => {
    fake.answerAsNode({ getActor: ({ path }) => Promise.resolve(path === '/' ? { ...INFO, type: 'supervisor', strategy: 'dynamic', autoShutdown: 'never', shutdown: 'infinity', startTimeoutMs: Infinity, budget: null, lastError: null, lastEnd: '' } : INFO) });
    const worker = JSON.parse((await mesh('info', '/bus/subjects', '--json')).stdout) as Record<string, unknown>;
    expect(worker).to.deep.include({ shutdown: 5_000, uptimeMs: 61_000, ratePerS: 0.4, busyMs: 0.03, strategy: null, children: null, lastError: { name: 'TypeError', message: 'boom\nat x', code: null, cause: null } });
    const root = JSON.parse((await mesh('info', '/', '--json')).stdout) as Record<string, unknown>;
    expect(root).to.deep.include({ shutdown: 'infinity', startTimeoutMs: null, budget: null, strategy: 'dynamic', children: 0, lastError: null, lastEnd: null });
    expect(Object.keys(worker)).to.deep.equal(Object.keys(root));
  });

  it('state is JSON over several lines, says when there is none and when it was cut', async () => {
    fake.answerAsNode({
      getState: ({ path }) => Promise.resolve({ path: path ?? '', life: 1, isShown: path !== '/none', state: path === '/none' ? '' : path === '/cut' ? '{"a":"…' : '{"a":["\\u001b"]}' }),
    });
    expect(await mesh('state', '/a')).to.deep.equal({ exitCode: 0, stdout: '{\n  "a": [\n    "\\u001b"\n  ]\n}\n', stderr: '' });
    expect(await mesh('state', '/none')).to.include({ exitCode: 0, stdout: '' }).and.to.have.property('stderr').that.includes('it has no view');
    expect(await mesh('state', '/cut')).to.include({ stdout: '{"a":"…\n' }).and.to.have.property('stderr').that.includes('its beginning');
    expect(JSON.parse((await mesh('state', '/a', '--json')).stdout)).to.deep.equal({ path: '/a', life: 1, isShown: true, isCut: false, state: { a: ['\u001b'] } });
    expect(JSON.parse((await mesh('state', '/none', '--json')).stdout)).to.deep.equal({ path: '/none', life: 1, isShown: false, isCut: false, state: null });
  });

  describe('trace', () => {
    const ENTRY = { atMs: 3_723_004, life: 1, message: 'put k', tookMs: 0.012, outcome: 'done', skipped: 0 };

    it('prints each message, and ends with 0 when its limit is reached', async () => {
      const asked: unknown[] = [];
      const items = [{ entry: ENTRY }, { entry: { ...ENTRY, outcome: 'threw', skipped: 7 } }, { over: { limit: 'max', shown: 2 } }] as TraceItem__Output[];
      fake.answerAsNode({ traceActor: (request) => (asked.push(request), stream(...items)) });
      expect(await mesh('trace', '/a', '--max', '2', '--rate', '5', '--for', '2m')).to.deep.equal({
        exitCode: 0,
        stdout: '01:02:03.004Z  done         12 µs  life 1  put k\n01:02:03.004Z  threw        12 µs  life 1  put k  (7 before it came too fast to show)\n',
        stderr: 'mesh: 2 shown; ended by --max\n',
      });
      expect(JSON.parse((await mesh('trace', '/a', '--json')).stdout.split('\n')[0]!)).to.deep.equal({ at: '1970-01-01T01:02:03.004Z', path: '/a', life: 1, message: 'put k', outcome: 'done', tookUs: 12, skipped: 0 });
      expect(asked).to.deep.equal([
        { path: '/a', messagesMax: 2, perS: 5, forMs: 120_000 },
        { path: '/a', messagesMax: 100, perS: 20, forMs: 60_000 },
      ]);
    });

    it('that the node breaks off is an error', async () => {
      fake.answerAsNode({ traceActor: () => stream({ entry: ENTRY }) });
      expect((await mesh('trace', '/a')).exitCode).to.equal(3);
    });

    for (const [option, value, limit] of [['--max', '0', '1 to 10000'], ['--max', 'all', '1 to 10000'], ['--rate', '1001', '1 to 1000'], ['--for', '2h', '1ms to 3600000ms'], ['--for', '30', '1ms to']] as const) {
      it(`is refused without bounds: ${option} ${value}`, async () => {
        fake.answerAsNode({});
        expect(await mesh('trace', '/a', option, value)).to.include({ exitCode: 2 }).and.to.have.property('stderr').that.includes(limit);
      });
    }
  });

  describe('dead-letters', () => {
    const LETTER = { sequence: 12, atMs: 0, path: '/gone', reason: 'noproc', message: 'put', withheld: '' };

    it('lists what reached nobody, and why some cannot be sent again', async () => {
      fake.answerAsNode({ listDeadLetters: ({ path }) => Promise.resolve({ total: 12, letters: path === '/x' ? [] : [LETTER, { ...LETTER, sequence: 13, withheld: 'question' }] }) });
      expect((await mesh('dead-letters', 'list')).stdout.split('\n').slice(1, 3).map((line) => line.trim().split(/\s{2,}/).at(-1))).to.deep.equal(['yes', 'no: question']);
      expect((JSON.parse((await mesh('dead-letters', 'list', '--json')).stdout) as unknown[])[0]).to.deep.equal({ sequence: 12, at: '1970-01-01T00:00:00.000Z', path: '/gone', reason: 'noproc', message: 'put', withheld: null });
      expect(await mesh('dead-letters', 'list', '/x')).to.include({ exitCode: 0, stdout: '', stderr: 'mesh: none of the dead letters that are kept is to /x; 12 there were since the node began\n' });
    });

    it('replay says where it went, or why it did not, with 1', async () => {
      const asked: unknown[] = [];
      fake.answerAsNode({ replayDeadLetter: (request) => Promise.resolve((asked.push(request), { path: '/a', outcome: request.to === '/full' ? 'full' : 'accepted' })) });
      expect((await mesh('dead-letters', 'replay', '12', '--to', '/a')).stdout).to.equal('dead letter 12 is in the mailbox of /a\n');
      expect(await mesh('dead-letters', 'replay', '12', '--to', '/full')).to.include({ exitCode: 1 }).and.to.have.property('stderr').that.includes('its mailbox is full');
      expect(asked[0]).to.deep.equal({ sequence: 12, to: '/a', by: 'ada (pid 7)' });
      expect((await mesh('dead-letters', 'replay', 'x')).exitCode).to.equal(2);
    });
  });

  describe('verbs', () => {
    const reply = (outcome: string, parts: Partial<ControlReply__Output> = {}): ControlReply__Output => ({ path: '/a', outcome, life: 2, error: null, ...parts });

    for (const [verb, outcome, says] of [
      ['restart', 'restarted', 'restarted /a, life 2'],
      ['restart', 'ignored', '/a was started and says that there is nothing to run'],
      ['stop', 'stopped', 'stopped /a; `mesh start /a` starts it again'],
      ['stop', 'removed', 'stopped /a, which its supervisor does not keep: who needs it has it started anew'],
      ['stop', 'already_stopped', '/a is down already'],
      ['start', 'started', 'started /a, life 2'],
      ['start', 'already_running', '/a is running already, life 2'],
      ['suspend', 'suspended', 'suspended /a, life 2; `mesh resume /a` has it go on'],
      ['suspend', 'already_suspended', '/a is suspended already, life 2'],
      ['resume', 'resumed', 'resumed /a, life 2'],
      ['resume', 'not_suspended', '/a is not suspended'],
    ] as const) {
      it(`${verb} answered with ${outcome} ends with 0`, async () => {
        const asked: unknown[] = [];
        fake.answerAsNode({ controlActor: (request) => Promise.resolve((asked.push(request), reply(outcome))) });
        expect(await mesh(verb, '/a')).to.deep.equal({ exitCode: 0, stdout: `${says}\n`, stderr: '' });
        expect(JSON.parse((await mesh(verb, '/a', '--json')).stdout)).to.deep.equal({ path: '/a', verb, outcome, life: 2 });
        expect(asked[0]).to.deep.equal({ path: '/a', verb, force: false, by: 'ada (pid 7)' });
      });
    }

    for (const [verb, outcome, says] of [
      ['restart', 'start_failed', '/a could not start: no disk'],
      ['restart', 'terminated', '/a was told to stop meanwhile'],
      ['start', 'restarting', '/a waits for its next start'],
      ['start', 'shutting_down', 'the supervisor of /a is itself stopping'],
    ] as const) {
      it(`${verb} answered with ${outcome} ends with 1, and says so`, async () => {
        const error = { name: 'Error', message: 'no disk', code: '', stack: '', cause: null };
        fake.answerAsNode({ controlActor: () => Promise.resolve(reply(outcome, { error })) });
        expect(await mesh(verb, '/a')).to.include({ exitCode: 1, stdout: '' }).and.to.have.property('stderr').that.includes(says);
      });
    }

    it('restart of what carries the connection is done when the actor is up again', async () => {
      let asked = 0;
      fake.answerAsNode({
        controlActor: () => Promise.resolve(reply('under_way', { path: '/edge', life: 1 })),
        getActor: () => (asked++ === 0 ? Promise.reject(new MeshError('SESSION_CLOSED', 'closed')) : Promise.resolve({ ...INFO, path: '/edge', life: asked })),
      });
      expect((await mesh('restart', '/edge', '--force')).stdout).to.equal('restarted /edge, life 2\n');
    });

    it('stop of the root says that the node is stopping', async () => {
      fake.answerAsNode({ controlActor: () => Promise.resolve(reply('under_way', { path: '/' })) });
      expect((await mesh('stop', '/', '--force')).stdout).to.equal('the node is stopping\n');
    });

    it('start of an actor takes no configuration, and of no path nothing', async () => {
      expect(await mesh('start', '/a', '--name', 'x')).to.include({ exitCode: 2 }).and.to.have.property('stderr').that.includes('takes no configuration');
      expect(await mesh('start', 'a')).to.include({ exitCode: 2 }).and.to.have.property('stderr').that.includes('--name');
    });
  });

  it('name who asks by user and process, and by the person behind sudo', () => {
    const { username } = userInfo();
    expect(askerOf({}, 7)).to.equal(`${username} (pid 7)`);
    expect(askerOf({ SUDO_USER: 'ada' }, 7)).to.equal(`ada as ${username} (pid 7)`);
    expect(askerOf({ SUDO_USER: username }, 7)).to.equal(`${username} (pid 7)`);
  });
});
