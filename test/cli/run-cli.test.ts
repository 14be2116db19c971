import { join } from 'node:path';
import { expect } from 'chai';
import { allCommands, commandsFor } from '../../src/cli/commands.ts';
import { readVersion } from '../../src/cli/version.ts';
import { ERROR_CATALOGUE, MeshError, type ErrorCode } from '../../src/errors.ts';
import { FakeProcess, type Outcome } from './fake-process.ts';

const COMMANDS = await allCommands();

describe('mesh', () => {
  let fake: FakeProcess;
  const mesh = (...argv: string[]): Promise<Outcome> => fake.mesh(...argv);

  beforeEach(() => {
    fake = new FakeProcess();
  });

  afterEach(() => fake.remove());

  const MEMBER = {
    name: 'a',
    tags: { role: 'web' },
    address: '127.0.0.1:7946',
    grpcAddress: '',
    status: 'alive',
    incarnation: 3,
    isSelf: true,
    isDegraded: false,
    udpLost: false, verified: 'yes', quarantine: '',
    sinceMs: 10,
    session: 'none',
    rttMs: -1,
  };
  const ENTRY = { key: 'k', value: 'v\n', writer: 'a', writtenAtMs: 1_000, conflict: false };
  const TREE = {
    path: '/node',
    type: 'supervisor',
    status: 'running',
    strategy: 'one_for_one',
    restart: 'permanent',
    life: 1,
    restarts: 0,
    mailbox: 0,
    mailboxMax: 10,
    processed: 4,
    uptimeMs: 5,
    lastError: '',
    ratePerS: 0,
    busyMs: 0,
    children: [
      { path: '/node/bus', type: 'worker', status: 'running', strategy: '', restart: 'permanent', life: 2, restarts: 1, mailbox: 0, mailboxMax: 10, processed: 4, uptimeMs: 5, lastError: 'Error: x', ratePerS: 0, busyMs: 0, children: [] },
    ],
  };

  it('tells its version in three ways', async () => {
    expect(await mesh('--version')).to.deep.equal({ exitCode: 0, stdout: `${readVersion()}\n`, stderr: '' });
    expect((await mesh('version')).stdout).to.equal(`${readVersion()}\n`);
    expect(JSON.parse((await mesh('version', '--json')).stdout)).to.deep.equal({ version: readVersion() });
  });

  it('finds each command, and each of its group, by its first word', async () => {
    for (const { words } of COMMANDS) {
      const [first = ''] = words.split(' ');
      const ofGroup = (all: typeof COMMANDS): string[] => all.map((each) => each.words).filter((each) => each.split(' ')[0] === first);
      expect(ofGroup(await commandsFor(first))).to.deep.equal(ofGroup(COMMANDS));
    }
  });

  describe('without a node', () => {
    const needNone = new Set(['start', 'version', 'discover test', 'init', 'trust show', 'token create', 'token list', 'token revoke', 'join']);
    for (const { words, example } of COMMANDS.filter(({ words }) => !needNone.has(words))) {
      it(`${words} exits 3 and says how to start one`, async () => {
        // The agent's example says where a node is.
        const typed = words === 'agent' ? words : example.slice('mesh '.length);
        const typedWords = (typed.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
        const { exitCode, stdout, stderr } = await mesh(...typedWords.filter((word) => word !== '--json'));
        expect([exitCode, stdout]).to.deep.equal([3, '']);
        expect(stderr).to.include('mesh: no node is running here').and.to.include('mesh start');
      });
    }

    it('in the named directory says so', async () => {
      const { exitCode, stderr } = await mesh('members', '--data-dir', join(fake.home, 'nowhere'), '--json');
      expect(exitCode).to.equal(3);
      expect((JSON.parse(stderr) as { error: { code: string } }).error.code).to.equal('NODE_UNREACHABLE');
    });
  });

  describe('with a node', () => {
    it('lists members, with nulls for what is not known', async () => {
      fake.answerAsNode({ listMembers: () => Promise.resolve({ members: [MEMBER] }) });
      expect((await mesh('members')).stdout).to.include('a (this node)');
      const { exitCode, stdout, stderr } = await mesh('members', '--json');
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      expect(JSON.parse(stdout)).to.deep.equal([
        { name: 'a', address: '127.0.0.1:7946', status: 'alive', isDegraded: false, incarnation: 3, isSelf: true, grpcAddress: null, session: 'none', rttMs: null, sinceMs: 10, udpLost: false, verified: 'yes', quarantine: null, tags: { role: 'web' } },
      ]);
      expect(fake.closed).to.equal(2);
    });

    it('rounds what nobody measures so finely', async () => {
      fake.answerAsNode({
        listMembers: () => Promise.resolve({ members: [{ ...MEMBER, sinceMs: 10.123_456, rttMs: 0.123_456 }] }),
        listAgents: () => Promise.resolve({ agents: [{ id: 'a', node: 'n', connected: true, ratePerS: 1.234_5, lastSeenMs: 9.99, records: 1, program: '' }] }),
        sendCommand: () => Promise.resolve({ agent: 'a', node: 'n', ok: true, output: '', tookMs: 2.6 }),
      });
      const json = async (...argv: string[]): Promise<unknown> => JSON.parse((await mesh(...argv, '--json')).stdout);
      expect((await json('members') as unknown[])[0]).to.include({ sinceMs: 10, rttMs: 0.123 });
      expect((await json('agents') as unknown[])[0]).to.include({ lastSeenMs: 10, ratePerS: 1.2 });
      expect(await json('command', 'send', 'a', 'ping')).to.include({ tookMs: 3 });
    });

    it('draws the tree, as deep as asked', async () => {
      const asked: unknown[] = [];
      fake.answerAsNode({ getTree: (request) => Promise.resolve((asked.push(request), TREE)) });
      expect((await mesh('tree')).stdout).to.include('└─ bus');
      expect((await mesh('tree', '/node', '--depth', '0')).stdout).to.not.include('bus');
      expect(asked).to.deep.equal([{ path: '' }, { path: '/node' }]);
      const tree = JSON.parse((await mesh('tree', '--json')).stdout) as Record<string, unknown> & { children: Record<string, unknown>[] };
      expect(tree).to.include({ path: '/node', strategy: 'one_for_one', lastError: null });
      expect(tree.children[0]).to.include({ path: '/node/bus', restarts: 1, lastError: 'Error: x' }).and.to.not.have.property('strategy');
    });

    it('kills an actor, by force when told', async () => {
      const asked: unknown[] = [];
      fake.answerAsNode({ killActor: (request) => Promise.resolve((asked.push(request), { path: '/x', life: 2 })) });
      expect((await mesh('chaos', 'kill', '/x')).stdout).to.equal('killed /x, life 2\n');
      expect(JSON.parse((await mesh('chaos', 'kill', '/x', '--force', '--json')).stdout)).to.deep.equal({ path: '/x', life: 2 });
      expect(asked).to.deep.equal([{ path: '/x', force: false, by: 'ada (pid 7)' }, { path: '/x', force: true, by: 'ada (pid 7)' }]);
    });

    it('lists agents, and says on standard error that there are none', async () => {
      fake.answerAsNode({ listAgents: () => Promise.resolve({ agents: [] }) });
      expect(await mesh('agents')).to.deep.equal({ exitCode: 0, stdout: '', stderr: 'mesh: no agents are known\n' });
      expect(await mesh('agents', '--json')).to.deep.equal({ exitCode: 0, stdout: '[]\n', stderr: '' });
    });

    it('sends a command with its arguments, and fails when the agent says so', async () => {
      const asked: unknown[] = [];
      fake.answerAsNode({
        sendCommand: (request) =>
          Promise.resolve((asked.push(request), { agent: 'a1', node: 'a', ok: request.name === 'ping', output: 'one\ntwo\n', tookMs: 3 })),
      });
      expect(await mesh('command', 'send', 'a1', 'ping', 'x', '--timeout', '50', '--', '-y')).to.deep.equal({ exitCode: 0, stdout: 'one\ntwo\n', stderr: '' });
      expect(asked).to.deep.equal([{ agent: 'a1', name: 'ping', arguments: ['x', '-y'], timeoutMs: 50 }]);
      const { exitCode, stdout } = await mesh('command', 'send', 'a1', 'fail', '--json');
      expect(exitCode).to.equal(1);
      expect(JSON.parse(stdout)).to.deep.equal({ agent: 'a1', node: 'a', ok: false, output: 'one\ntwo\n', tookMs: 3 });
    });

    it('puts, gets, lists and deletes', async () => {
      fake.answerAsNode({
        registryPut: ({ key }) => Promise.resolve({ created: key === 'new' }),
        registryGet: () => Promise.resolve(ENTRY),
        registryDelete: ({ key }) => Promise.resolve({ deleted: key === 'k' }),
        registryList: ({ prefix }) => Promise.resolve({ entries: prefix === '' ? [ENTRY] : [] }),
      });
      const entry = { key: 'k', value: 'v\n', writer: 'a', writtenAt: '1970-01-01T00:00:01.000Z', conflict: false };
      expect((await mesh('registry', 'put', 'new', 'v')).stdout).to.equal('created new\n');
      expect(JSON.parse((await mesh('registry', 'put', 'old', '', '--json')).stdout)).to.deep.equal({ key: 'old', created: false });
      expect((await mesh('registry', 'get', 'k')).stdout).to.equal('v\n\n');
      expect(JSON.parse((await mesh('registry', 'get', 'k', '--json')).stdout)).to.deep.equal(entry);
      expect(JSON.parse((await mesh('registry', 'list', '--json')).stdout)).to.deep.equal([entry]);
      expect(await mesh('registry', 'list', 'zz')).to.deep.equal({ exitCode: 0, stdout: '', stderr: 'mesh: no key starts with "zz"\n' });
      expect((await mesh('registry', 'delete', 'k')).stdout).to.equal('deleted k\n');
      const missing = await mesh('registry', 'delete', 'q');
      expect([missing.exitCode, missing.stdout]).to.deep.equal([1, '']);
      expect(missing.stderr).to.include('nothing is stored under "q"');
    });

    it('shows control characters in a value only where a terminal would obey them', async () => {
      fake.answerAsNode({ registryGet: () => Promise.resolve({ ...ENTRY, value: '\u001b[2J' }) });
      expect((await mesh('registry', 'get', 'k')).stdout).to.equal('\u001b[2J\n');
      fake.isTerminal.stdout = true;
      expect((await mesh('registry', 'get', 'k')).stdout).to.equal('\\u001b[2J\n');
    });

    it('colours on a terminal only', async () => {
      fake.answerAsNode({ getTree: () => Promise.resolve(TREE) });
      expect((await mesh('tree')).stdout).to.not.include('\u001b');
      fake.isTerminal.stdout = true;
      expect((await mesh('tree')).stdout).to.include('\u001b[32mrunning');
      fake.env['NO_COLOR'] = '1';
      expect((await mesh('tree')).stdout).to.not.include('\u001b');
    });

    for (const code of Object.keys(ERROR_CATALOGUE) as ErrorCode[]) {
      it(`exits ${ERROR_CATALOGUE[code].exitCode} when it says ${code}`, async () => {
        fake.answerAsNode({ getStatus: () => Promise.reject(new MeshError(code, 'as it is', { given: 'g', expected: 'e', todo: 't' })) });
        expect(await mesh('status')).to.deep.equal({
          exitCode: ERROR_CATALOGUE[code].exitCode,
          stdout: '',
          stderr: 'mesh: as it is\n  expected e\n  t\n',
        });
        expect(JSON.parse((await mesh('status', '--json')).stderr)).to.deep.equal({
          error: { code, message: 'as it is', given: 'g', expected: 'e', todo: 't' },
        });
        expect(fake.closed).to.equal(2);
      });
    }

    it('tells of a bug without its stack, unless asked', async () => {
      fake.answerAsNode({ getStatus: () => Promise.reject(new TypeError('x is not a function')) });
      const { exitCode, stderr } = await mesh('status');
      expect(exitCode).to.equal(1);
      expect(stderr).to.include('a bug in mesh: x is not a function').and.to.not.match(/^\s+at /m);
      fake.env['MESH_DEBUG'] = '1';
      expect((await mesh('status')).stderr).to.match(/^\s+at /m);
    });
  });

  describe('following a stream', () => {
    async function* ofEvents(signal: AbortSignal | undefined, events: readonly unknown[]): AsyncGenerator<never> {
      for (const event of events) yield event as never;
      signal?.throwIfAborted();
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
    }
    const TELEMETRY = { id: 'a1', node: 'a', sequence: 1, atMs: 0, samples: [{ name: 'cpu', value: 0.5 }] };

    it('prints one JSON object a line, and ends with 0 on a signal', async () => {
      fake.answerAsNode({ tailAgent: (_, signal) => ofEvents(signal, [TELEMETRY, { ...TELEMETRY, sequence: 2 }]) });
      const ended = mesh('agents', 'tail', 'a1', '--json');
      await fake.nextStdout();
      await fake.nextStdout();
      fake.signal('SIGINT');
      const { exitCode, stdout, stderr } = await ended;
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      expect(stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).to.deep.equal(
        [1, 2].map((sequence) => ({ id: 'a1', node: 'a', sequence, at: '1970-01-01T00:00:00.000Z', samples: { cpu: 0.5 } })),
      );
      expect([fake.closed, fake.isListeningForSignals]).to.deep.equal([1, false]);
    });

    it('takes no more from the node while nobody reads', async () => {
      let taken = 0;
      fake.drained = new Promise(() => undefined);
      async function* flood(): AsyncGenerator<never> {
        for (; taken < 100; taken++) yield TELEMETRY as never;
      }
      fake.answerAsNode({ tailAgent: flood });
      void mesh('agents', 'tail', 'a1');
      await fake.nextStdout();
      await new Promise(setImmediate);
      expect(taken).to.equal(0);
    });

    it('tells entries, then that they were all, then changes', async () => {
      const events = [{ type: 'put', entry: ENTRY }, { type: 'synced', entry: null }, { type: 'delete', entry: ENTRY }];
      fake.answerAsNode({ registryWatch: (_, signal) => ofEvents(signal, events) });
      const ended = mesh('registry', 'watch');
      for (const _ of events) await fake.nextStdout();
      fake.signal('SIGTERM');
      const { exitCode, stdout } = await ended;
      expect(exitCode).to.equal(0);
      expect(stdout).to.equal('put k = v\\n (a, 1970-01-01T00:00:01.000Z)\nsynced\ndelete k\n');
    });

    it('tells changes with the same keys whatever they are', async () => {
      const gone = { key: 'k', value: '', writer: '', writtenAtMs: 0, conflict: false };
      const events = [{ type: 'put', entry: ENTRY }, { type: 'synced', entry: null }, { type: 'delete', entry: gone }];
      fake.answerAsNode({ registryWatch: (_, signal) => ofEvents(signal, events) });
      const ended = mesh('registry', 'watch', '--json');
      for (const _ of events) await fake.nextStdout();
      fake.signal('SIGTERM');
      const lines = (await ended).stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
      for (const line of lines) expect(Object.keys(line)).to.deep.equal(['type', 'key', 'entry']);
      expect(lines[0]?.['entry']).to.include({ key: 'k', value: 'v\n' });
      expect(lines.slice(1)).to.deep.equal([{ type: 'synced', key: null, entry: null }, { type: 'delete', key: 'k', entry: null }]);
    });

    it('exits 3 when the node ends it', async () => {
      fake.answerAsNode({ tailAgent: async function* () {} });
      const { exitCode, stderr } = await mesh('agents', 'tail', 'a1');
      expect(exitCode).to.equal(3);
      expect(stderr).to.include('the node ended the stream');
    });
  });
});
