import { expect } from 'chai';
import type { Joining } from '../../src/joining.ts';
import { makeAuthority } from '../../src/trust/authority.ts';
import { keyPin } from '../../src/trust/bundle.ts';
import { writeIdentity } from '../../src/trust/identity-files.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { formatToken, makeToken } from '../../src/trust/token.ts';
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

  it('joins with its token once, as whom the token says', async () => {
    const made = await makeAuthority('omega.test', Date.now());
    const token = (kind: 'agent' | 'node'): string =>
      formatToken(makeToken({ id: { trustDomain: 'omega.test', kind, name: 'a1' }, role: undefined, pin: keyPin(made.certificate), expiresAtMs: Date.now() + 60_000 }));
    const asked: Joining[] = [];
    let ran = 0;
    fake.doors.runAgent = ({ id }) => Promise.resolve(void (id === 'a1' && ran++));
    fake.doors.joinDomain = async (joining) => {
      asked.push(joining);
      const identity = await issueOwn(made, { kind: 'agent', name: 'a1', nowMs: Date.now() });
      writeIdentity(joining.trustDir, identity);
      return { identity, gossipSeeds: [], isGossipEncrypted: false };
    };
    for (let start = 0; start < 2; start++) expect((await mesh('agent', '--token', token('agent'), '--node', 'h:1', '--node', 'i')).exitCode).to.equal(0);
    expect(ran).to.equal(2);
    expect(asked.map(({ fabric }) => fabric)).to.deep.equal([[{ host: 'h', port: 7948 }, { host: 'i', port: 7948 }]]);
    const other = await mesh('agent', '--id', 'a2', '--token', token('agent'), '--node', 'h');
    expect([other.exitCode, other.stderr.split('\n')[0]]).to.deep.equal([2, 'mesh: the token is for spiffe://omega.test/agent/a1, and this would be the agent a2']);
    expect((await mesh('agent', '--token', token('node'), '--node', 'h')).exitCode).to.equal(2);
  });

  it('exchanges keys with nodes as it is told to', async () => {
    const told: string[] = [];
    fake.doors.runAgent = () => Promise.resolve();
    fake.doors.agentTls = ({ pq }) => Promise.resolve(void told.push(pq) as never);
    for (const flags of [[], ['--pq', 'require']]) expect((await mesh('agent', '--node', 'h', ...flags)).exitCode).to.equal(0);
    expect(told).to.deep.equal(['prefer', 'require']);
    const { exitCode, stderr } = await mesh('agent', '--node', 'h', '--pq', 'requires');
    expect([exitCode, stderr]).to.deep.equal([2, 'mesh: --pq is "requires"\n  expected off, prefer, require\n  did you mean require?\n']);
  });

  it('has its identity from a Workload API where one is named, and from nowhere else then', async () => {
    const told: (string | undefined)[] = [];
    fake.doors.runAgent = () => Promise.resolve();
    fake.doors.agentTls = ({ workloadSocket }) => Promise.resolve(void told.push(workloadSocket) as never);
    for (const flags of [[], ['--workload-socket', 'unix:///run/agent.sock']]) expect((await mesh('agent', '--node', 'h', ...flags)).exitCode).to.equal(0);
    expect(told).to.deep.equal([undefined, '/run/agent.sock']);
    const wrong = await mesh('agent', '--node', 'h', '--workload-socket', 'tcp://10.0.0.1:80');
    expect([wrong.exitCode, wrong.stderr.split('\n')[0]]).to.deep.equal([2, 'mesh: --workload-socket is "tcp://10.0.0.1:80"']);
    const pin = keyPin((await makeAuthority('omega.test', Date.now())).certificate);
    const token = formatToken(makeToken({ id: { trustDomain: 'omega.test', kind: 'agent', name: 'a1' }, role: undefined, pin, expiresAtMs: Date.now() + 60_000 }));
    const both = await mesh('agent', '--token', token, '--node', 'h', '--workload-socket', '/run/agent.sock');
    expect([both.exitCode, both.stderr.split('\n')[0]]).to.deep.equal([2, 'mesh: an identity comes by a token or from a Workload API']);
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
