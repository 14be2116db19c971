import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import type { Member__Output } from '../../src/transport/generated/omega/mesh/v1/Member.ts';
import type { MemberHappening__Output } from '../../src/transport/generated/omega/mesh/v1/MemberHappening.ts';
import { FakeProcess } from './fake-process.ts';

const MEMBER = { name: 'n3', address: '127.0.0.3:7946', grpcAddress: '', status: 'dead', incarnation: 4, isSelf: false, sinceMs: 12_000, verified: 'no', quarantine: '', session: 'none', rttMs: -1 } as Member__Output;

function happening(agoMs: number, type: string, reason: string, more: Partial<MemberHappening__Output> = {}): MemberHappening__Output {
  return { atMs: Date.now() - agoMs, member: 'n3', type, reason, incarnation: 4, accuser: '', address: '', claimed: '', probe: null, confirmations: null, ...more };
}

const story = (): MemberHappening__Output[] => [
  happening(60_000, 'alive', 'new', { address: '127.0.0.3:7946' }),
  happening(20_000, 'suspect', 'no-ack', { accuser: 'n1', probe: { helpers: ['n2', 'n4'], stream: 'connection refused', health: 2 } }),
  happening(19_000, 'confirmed', 'told', { accuser: 'n4', confirmations: { count: 1, wanted: 2 } }),
  happening(12_000, 'dead', 'suspicion-timeout', { accuser: 'n1' }),
];

describe('mesh members why', () => {
  let fake: FakeProcess;
  beforeEach(() => {
    fake = new FakeProcess();
  });
  afterEach(() => fake.remove());

  it('tells who suspected it, on which paths it did not answer, who confirmed, and how it ended', async () => {
    fake.answerAsNode({ getMemberRecord: ({ name = '' }) => Promise.resolve({ name, member: MEMBER, happenings: story() }) });
    const { exitCode, stdout } = await fake.mesh('members', 'why', 'n3');
    expect(exitCode).to.equal(0);
    const [first, , ...rows] = stdout.trimEnd().split('\n');
    expect(first).to.equal('n3, 127.0.0.3:7946, has been dead for 12s, at incarnation 4.');
    expect(rows.map((row) => row.split(/ {2,}/).slice(1).join(' | '))).to.deep.equal([
      '1m 00s | alive | 4 | it was found at 127.0.0.3:7946',
      '20s | suspect | 4 | n1 had no answer to its ping: none directly, none through n2, n4, none over TCP (connection refused); it did not hear well itself then (local health 2)',
      '19s | suspect | 4 | n4 suspects it too (confirmation 1 of 2)',
      '12s | dead | 4 | it did not refute in its time',
    ]);
  });

  it('tells on which paths a probe of its own was not answered also when another was first to suspect', async () => {
    const own = happening(1_000, 'confirmed', 'no-ack', { accuser: 'n1', probe: { helpers: ['n2'], stream: 'connection refused', health: 0 }, confirmations: { count: 1, wanted: 1 } });
    fake.answerAsNode({ getMemberRecord: ({ name = '' }) => Promise.resolve({ name, member: MEMBER, happenings: [own] }) });
    const { stdout } = await fake.mesh('members', 'why', 'n3');
    expect(stdout).to.include('n1 had no answer to its ping: none directly, none through n2, none over TCP (connection refused) (confirmation 1 of 1)');
  });

  it('tells also of one that is forgotten, and as JSON', async () => {
    fake.answerAsNode({ getMemberRecord: ({ name = '' }) => Promise.resolve({ name, member: null, happenings: [happening(1_000, 'reaped', 'dead')] }) });
    expect((await fake.mesh('members', 'why', 'n3')).stdout).to.match(/^n3 is not known any more: .*\n.*\n.* reaped .* it was forgotten, dead for long enough\n$/);
    const json = JSON.parse((await fake.mesh('members', 'why', 'n3', '--json')).stdout) as { member: unknown; happenings: object[] };
    expect(json.member).to.equal(null);
    expect(json.happenings[0]).to.include({ type: 'reaped', reason: 'dead', accuser: null, probe: null });
  });

  it('ends with 1 for a name that nobody has heard of, with the nearest that is known', async () => {
    const fault = new MeshError('NOT_FOUND', 'no member "n33" is known, nor was of late', { todo: 'did you mean n3? see `mesh members`' });
    fake.answerAsNode({ getMemberRecord: () => Promise.reject(fault) });
    const { exitCode, stderr } = await fake.mesh('members', 'why', 'n33');
    expect([exitCode, stderr]).to.deep.equal([1, 'mesh: no member "n33" is known, nor was of late\n  did you mean n3? see `mesh members`\n']);
  });

  it('shows what a name from another machine may hold, and does not obey it', async () => {
    const evil = happening(1_000, 'suspect', 'told', { accuser: '\u001b[2Jn1' });
    fake.answerAsNode({ getMemberRecord: ({ name = '' }) => Promise.resolve({ name, member: MEMBER, happenings: [evil] }) });
    expect((await fake.mesh('members', 'why', 'n3')).stdout).not.to.include('\u001b');
  });
});

describe('mesh members --watch', () => {
  let fake: FakeProcess;
  beforeEach(() => {
    fake = new FakeProcess();
  });
  afterEach(() => fake.remove());

  async function* endless(signal: AbortSignal | undefined): AsyncGenerator<MemberHappening__Output> {
    yield* story();
    if (signal?.aborted === false) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }

  it('prints each event as it comes, until it is told to stop', async () => {
    fake.answerAsNode({ watchMembers: (_request, signal) => endless(signal) });
    const run = fake.mesh('members', '--watch', '--json');
    while (fake.stdout.split('\n').length < 5) await fake.nextStdout();
    fake.signal('SIGINT');
    expect((await run).exitCode).to.equal(0);
    const lines = fake.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { type: string; accuser: string | null });
    expect(lines.map(({ type, accuser }) => [type, accuser])).to.deep.equal([['alive', null], ['suspect', 'n1'], ['confirmed', 'n4'], ['dead', 'n1']]);
  });
});
