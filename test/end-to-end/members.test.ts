import { expect } from 'chai';
import { listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Happening {
  readonly type: string;
  readonly member: string;
  readonly reason: string;
  readonly accuser: string | null;
  readonly probe: { readonly helpers: readonly string[]; readonly stream: string } | null;
}

interface MemberRecord {
  readonly member: { readonly status: string } | null;
  readonly happenings: readonly Happening[];
}

describe('what happens to members, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  let n1: StartedNode;
  let n2: StartedNode;
  let n3: StartedNode;

  // Three nodes for all: first n3 is killed, last n2 says goodbye.
  before(async () => {
    play = new Playground();
    [n1, n2, n3] = await play.trio('127.0.33');
    for (const node of [n1, n2, n3]) await sees(node, 'alive', 'n1', 'n2', 'n3');
  });
  after(() => play.clear());

  const sees = (node: StartedNode, status: string, ...names: string[]): Promise<true> =>
    until(`${node.name} sees ${names.join()} ${status}`, 20_000, async () => {
      const members = await node.json<{ name: string; status: string }[]>('members');
      return names.every((name) => members.some((member) => member.name === name && member.status === status)) ? true : undefined;
    });

  it('is told by a watch as it happens, and afterwards with who, why and on which paths', async () => {
    const watch = play.spawn('members', '--watch', '--json', '--data-dir', n1.dataDir);
    const said = listenTo(watch);
    // The watch is open when it shows up in the state of the operator's room.
    await until('the watch', 10_000, async () => ((await n1.mesh('state', '/edge/admin')).stdout.includes('"memberWatches": 1') ? true : undefined));
    await n3.kill('SIGKILL');
    await sees(n1, 'dead', 'n3');
    const seen = said.stdout().trimEnd().split('\n').map((line) => JSON.parse(line) as Happening).filter(({ member }) => member === 'n3');
    expect(seen.map(({ type }) => type).filter((type) => type !== 'confirmed')).to.deep.equal(['suspect', 'dead']);

    for (const node of [n1, n2]) {
      await sees(node, 'dead', 'n3');
      const { member, happenings } = await node.json<MemberRecord>('members', 'why', 'n3');
      expect(member).to.include({ status: 'dead' });
      expect(happenings.map(({ type }) => type)).to.include.members(['alive', 'suspect', 'dead']);
    }
    const records = await Promise.all([n1, n2].map((node) => node.json<MemberRecord>('members', 'why', 'n3')));
    const probed = records.flatMap(({ happenings }) => happenings).find(({ reason }) => reason === 'no-ack');
    expect(probed?.probe?.stream).to.match(/no answer|does not answer/);
    const { stdout } = await n1.mesh('members', 'why', 'n3');
    expect(stdout).to.match(/^n3, 127\.0\.33\.3:\d+, has been dead for /);
    expect(stdout).to.match(/suspect .* n[12] (had no answer to its ping|suspects it)/);
  });

  it('is still told when membership has begun another life, and the operator’s room too', async () => {
    for (const path of ['/membership/swim', '/edge/admin']) {
      await n1.mesh('chaos', 'kill', path);
      const { happenings } = await until(`why after the end of ${path}`, 20_000, () => n1.json<MemberRecord>('members', 'why', 'n3'));
      expect(happenings.map(({ type }) => type)).to.include.members(['alive', 'suspect', 'dead']);
    }
  });

  it('is told of a goodbye as one, and a name that nobody has heard of ends with 1 and the nearest', async () => {
    await n2.kill('SIGTERM');
    await sees(n1, 'left', 'n2');
    expect((await n1.json<MemberRecord>('members', 'why', 'n2')).happenings.at(-1)).to.include({ type: 'left', reason: 'goodbye' });
    const { code, stderr } = await n1.mesh('members', 'why', 'n33');
    expect(code).to.equal(1);
    expect(stderr).to.include('did you mean n3?');
  });
});
