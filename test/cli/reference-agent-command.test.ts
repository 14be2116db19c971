import { expect } from 'chai';
import { FakeProcess, type Outcome } from './fake-process.ts';

describe('mesh agent', () => {
  let fake: FakeProcess;
  const mesh = (...argv: string[]): Promise<Outcome> => fake.mesh(...argv);

  beforeEach(() => {
    fake = new FakeProcess();
  });

  afterEach(() => fake.remove());

  it('connects to the node that runs here when none is named', async () => {
    fake.answerAsNode({});
    let told: unknown;
    fake.doors.runAgent = (options) => Promise.resolve(void (told = options));
    expect(await mesh('agent')).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' });
    expect(told).to.deep.include({ id: 'box', nodes: [{ host: '127.0.0.1', port: 7000 }], intervalMs: 1000, labels: {} });
  });

  it('takes several nodes and labels', async () => {
    let told: unknown;
    fake.doors.runAgent = (options) => Promise.resolve(void (told = options));
    await mesh('agent', '--id', 'a1', '--node', 'h:1', '--node', 'i', '--interval', '200', '--label', 'rack=r=1', '--label', 'x=');
    expect(told).to.deep.include({
      id: 'a1',
      nodes: [{ host: 'h', port: 1 }, { host: 'i', port: 7947 }],
      intervalMs: 200,
      labels: { rack: 'r=1', x: '' },
    });
  });

  it('ends on the first signal with 0', async () => {
    let heard: ((told: AbortSignal) => void) | undefined;
    const running = new Promise<AbortSignal>((resolve) => (heard = resolve));
    fake.doors.runAgent = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve());
        heard?.(signal);
      });
    const ended = mesh('agent', '--node', 'h');
    await running;
    fake.signal('SIGTERM');
    expect((await ended).exitCode).to.equal(0);
  });
});
