import { expect } from 'chai';
import type { TrialOptions } from '../../src/discovery-trial.ts';
import { FakeProcess } from './fake-process.ts';

describe('mesh discover test', () => {
  let fake: FakeProcess;
  let asked: TrialOptions | undefined;
  beforeEach(() => {
    fake = new FakeProcess();
    asked = undefined;
    fake.doors.tryDiscovery = (options) => {
      asked = options;
      return Promise.resolve({
        verdicts: [
          { given: 'h2', isTaken: true, address: { host: '127.0.0.2', port: 7946 } },
          { given: 'h1', isTaken: false, reason: 'self', why: '127.0.0.1:7946 is this node' },
        ],
        trouble: undefined,
      });
    };
  });
  afterEach(() => fake.remove());

  it('prints what is there and why it was taken or refused, and ends with 0 when one was taken', async () => {
    const { exitCode, stdout, stderr } = await fake.mesh('discover', 'test', 'static peers=h1,h2');
    expect(stdout).to.equal('FOUND  VERDICT  WHY\nh2     taken    127.0.0.2:7946\nh1     self     127.0.0.1:7946 is this node\n');
    expect(stderr).to.equal('mesh: 1 of 2 would be joined\n');
    expect(exitCode).to.equal(0);
    expect(asked).to.deep.include({ self: { host: '127.0.0.1', port: 7946 }, forMs: 3_000 });
  });

  it('prints the same for scripts', async () => {
    const { stdout, stderr } = await fake.mesh('discover', 'test', 'static peers=h1,h2', '--json', '--bind', '127.0.0.9', '--gossip-port', '5', '--for', '1s');
    expect(JSON.parse(stdout)).to.deep.equal({
      spec: 'static peers=h1,h2',
      trouble: null,
      peers: [
        { given: 'h2', address: '127.0.0.2:7946', taken: true, reason: null, why: null },
        { given: 'h1', address: null, taken: false, reason: 'self', why: '127.0.0.1:7946 is this node' },
      ],
    });
    expect(stderr).to.equal('');
    expect(asked).to.deep.include({ self: { host: '127.0.0.9', port: 5 }, forMs: 1_000 });
  });

  it('ends with 1 when nothing was taken, and says what kept it', async () => {
    fake.doors.tryDiscovery = () => Promise.resolve({ verdicts: [], trouble: 'x does not exist yet' });
    const { exitCode, stdout, stderr } = await fake.mesh('discover', 'test', 'file path=x');
    expect({ exitCode, stdout, stderr }).to.deep.equal({ exitCode: 1, stdout: '', stderr: 'mesh: x does not exist yet\nmesh: no node to join was found\n' });
  });

  it('refuses what is no spec, and a node that listens nowhere', async () => {
    expect(await fake.mesh('discover', 'test', 'statik peers=a')).to.deep.include({ exitCode: 2 });
    expect((await fake.mesh('discover', 'test', 'statik peers=a')).stderr).to.include('did you mean static?');
    expect((await fake.mesh('discover', 'test', 'static peers=a', '--bind', 'here')).stderr).to.include('--bind is "here"');
    expect(asked).to.equal(undefined);
  });
});
