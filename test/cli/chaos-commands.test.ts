import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import type { AdminClient } from '../../src/transport/grpc-client.ts';
import type { FaultItem__Output } from '../../src/transport/generated/omega/mesh/v1/FaultItem.ts';
import type { StormItem__Output } from '../../src/transport/generated/omega/mesh/v1/StormItem.ts';
import type { StormVerdict__Output } from '../../src/transport/generated/omega/mesh/v1/StormVerdict.ts';
import { FakeProcess } from './fake-process.ts';

const VERDICT: StormVerdict__Output = {
  held: true,
  seed: 7,
  elapsedMs: 30_004.6,
  checks: [{ promise: 'monitors hear once', held: true, detail: '3 of 3' }],
  recoveries: 2,
  recoveryP50Ms: 1.234_56,
  recoveryP99Ms: 250,
  recoveryMaxMs: 250,
  restarts: 2,
  crashes: 2,
  escalations: 0,
  deadLetters: 5,
  messagesLost: 4,
  injected: { kill: 2 },
  spared: {},
};

const FORESIGHT = {
  path: '/a',
  steps: [{ kind: 'stop', path: '/a', afterMs: 0 }, { kind: 'start', path: '/a', afterMs: 199.7 }],
  decisions: [
    { supervisor: '/', child: '/a', decision: 'backoff', delayMs: 199.7, used: 1, intensity: 3, periodMs: 5_000 },
    { supervisor: '/', child: '/b', decision: 'escalate', delayMs: 0, used: 4, intensity: 3, periodMs: 5_000 },
  ],
  nodeEnds: '',
};

/** A stream of the node: these items, and then its end, or none before the signal. */
function stream<T>(items: readonly T[], goesOn = false): (request: unknown, signal?: AbortSignal) => AsyncGenerator<T> {
  return async function* (_request, signal) {
    yield* items;
    if (goesOn && signal?.aborted !== true) await new Promise((resolve) => signal?.addEventListener('abort', resolve));
  };
}

describe('the commands of chaos', () => {
  let fake: FakeProcess;
  const asked: unknown[] = [];

  beforeEach(() => {
    fake = new FakeProcess();
    asked.length = 0;
  });
  afterEach(() => fake.remove());

  const noting = <R>(open: (request: unknown, signal?: AbortSignal) => R) => (request: unknown, signal?: AbortSignal): R => {
    asked.push(request);
    return open(request, signal);
  };
  const faults = (items: readonly unknown[], goesOn = false): Pick<AdminClient, 'inflict'> => ({ inflict: noting(stream(items as FaultItem__Output[], goesOn)) });
  const storms = (items: readonly unknown[], goesOn = false): Pick<AdminClient, 'runStorm'> => ({ runStorm: noting(stream(items as StormItem__Output[], goesOn)) });

  it('what-if shows who stops and starts, and what is decided', async () => {
    fake.answerAsNode({
      foresee: (request) => {
        asked.push(request);
        return Promise.resolve(FORESIGHT);
      },
    });
    const { exitCode, stdout } = await fake.mesh('chaos', 'what-if', 'kill', '/a');
    expect([exitCode, asked]).to.deep.equal([0, [{ fault: 'kill', path: '/a' }]]);
    expect(stdout).to.equal(
      [
        'if /a were killed now:',
        '  stop   /a',
        '  start  /a  after 200ms',
        '/ restarts /a after 200ms: 1 of 3 restarts within 5s',
        '/ gives up over /b: more than its 3 restarts within 5s',
        'the node goes on',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await fake.mesh('chaos', 'what-if', 'kill', '/a', '--json')).stdout) as { nodeEnds: unknown; steps: unknown[]; decisions: { budget: unknown }[] };
    expect(json.steps[1]).to.deep.equal({ kind: 'start', path: '/a', afterMs: 200 });
    expect(json.decisions[1]?.budget).to.deep.equal({ used: 4, intensity: 3, periodMs: 5_000, isExceeded: true });
    expect(json.nodeEnds).to.equal(null);
  });

  it('a fault is told from its beginning to its end', async () => {
    fake.answerAsNode(faults([{ begun: { path: '/a', life: 2, what: 'hang for 3000 ms', messages: 0 } }, { spared: { path: '/b', why: 'occupied' } }, { over: { path: '/a', life: 2, why: 'time' } }]));
    const { exitCode, stdout } = await fake.mesh('chaos', 'hang', '/*', '--for', '3s');
    expect(exitCode).to.equal(0);
    expect(stdout).to.equal('/a, life 2: hang for 3000 ms\n/b: left alone, another fault goes on there\n/a, life 2: over, as long as asked\n');
    expect(asked).to.deep.equal([{ fault: 'hang', path: '/*', force: false, by: 'ada (pid 7)', forMs: 3_000, delayMs: 0, messages: 0, mebibytes: 0 }]);
  });

  it('a fault as JSON is a line for each that happens', async () => {
    fake.answerAsNode(faults([{ begun: { path: '/a', life: 2, what: 'flood', messages: 10 } }]));
    const { stdout } = await fake.mesh('chaos', 'flood', '/a', '--json');
    expect(JSON.parse(stdout)).to.deep.equal({ type: 'begun', path: '/a', life: 2, what: 'flood', messages: 10 });
  });

  it('a fault that hit nobody exits 1', async () => {
    fake.answerAsNode(faults([{ spared: { path: '/a', why: 'no-life' } }]));
    expect((await fake.mesh('chaos', 'hang', '/a*')).exitCode).to.equal(1);
    fake.answerAsNode({ inflict: () => { throw new MeshError('UNKNOWN_PATH', 'no actor matches /x*'); } });
    expect(await fake.mesh('chaos', 'hang', '/x*')).to.include({ exitCode: 1, stderr: 'mesh: no actor matches /x*\n' });
  });

  it('a fault ends with a signal, in order', async () => {
    fake.answerAsNode(faults([{ begun: { path: '/a', life: 1, what: 'hang', messages: 0 } }], true));
    const said = fake.nextStdout();
    const running = fake.mesh('chaos', 'hang', '/a');
    await said;
    fake.signal('SIGINT');
    expect((await running).exitCode).to.equal(0);
    expect(fake.isListeningForSignals).to.equal(false);
  });

  it('kill of a glob kills all there', async () => {
    fake.answerAsNode(faults([{ begun: { path: '/a', life: 2, what: 'kill', messages: 0 } }]));
    expect((await fake.mesh('chaos', 'kill', '/*')).stdout).to.equal('/a, life 2: kill\n');
  });

  it('a storm that held exits 0 with its verdict, one that did not exits 1', async () => {
    fake.answerAsNode(storms([{ progress: { phase: 'storm' } }, { verdict: VERDICT }]));
    const { exitCode, stdout, stderr } = await fake.mesh('chaos', 'storm', '--seed', '7', '--for', '2s', '--rate', '5', '--min-running', '3', '--only', '/a/**', '--faults', 'kill,hang');
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    expect(asked).to.deep.equal([{ seed: 7, forMs: 2_000, ratePerS: 5, minRunning: '3', only: '/a/**', faults: ['kill', 'hang'], force: false, by: 'ada (pid 7)' }]);
    expect(stdout).to.include('storm of seed 7: held, 30s\n  ok   monitors hear once  3 of 3\n').and.to.include('p50 1.2 ms, p99 250 ms');

    fake.answerAsNode(storms([{ verdict: { ...VERDICT, held: false } }]));
    const json = await fake.mesh('chaos', 'storm', '--json');
    expect(json.exitCode).to.equal(1);
    expect(JSON.parse(json.stdout)).to.deep.include({ held: false, elapsedMs: 30_005, recovery: { count: 2, p50Ms: 1.235, p99Ms: 250, maxMs: 250 }, messagesLost: 4 });
  });

  it('a storm shows how it goes where a person looks on', async () => {
    fake.isTerminal.stderr = true;
    fake.env['NO_COLOR'] = '1';
    fake.answerAsNode(storms([{ progress: { phase: 'storm', elapsedMs: 1_500, injected: 9, spared: 2, restarts: 4, running: 11, standing: 12 } }, { verdict: VERDICT }]));
    expect((await fake.mesh('chaos', 'storm')).stderr).to.include('storm 1s · 9 faults, 2 spared · 4 restarts · 11 of 12 run');
  });

  it('a storm without a verdict is no success: stopped by a signal, or by the end of the node', async () => {
    fake.answerAsNode(storms([]));
    expect(await fake.mesh('chaos', 'storm')).to.include({ exitCode: 3, stdout: '' });
    fake.answerAsNode(storms([], true));
    const running = fake.mesh('chaos', 'storm');
    await fake.listensForSignals();
    fake.signal('SIGINT');
    expect(await running).to.deep.equal({ exitCode: 1, stdout: '', stderr: 'mesh: stopped before the verdict; what went on is taken back\n' });
  });

  it('is misused with what is no time or number', async () => {
    fake.answerAsNode({});
    for (const misuse of [['hang', '/a', '--for', 'long'], ['slow', '/a', '--ms', '-1'], ['storm', '--rate', '0'], ['storm', '--for', '10ms']]) {
      expect((await fake.mesh('chaos', ...misuse)).exitCode, misuse.join(' ')).to.equal(2);
    }
  });
});
