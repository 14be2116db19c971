/** Our bytes and those of Go: a cluster of both, in plain text and encrypted. Not with labels: Debian's memberlist 0.2.2 has none. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { lzwCompress, lzwDecompress } from '../../src/actors/membership/wire/lzw.ts';
import { randomInt, seededRandom } from '../../src/random.ts';
import { Playground, until, type StartedNode } from '../support/mesh-process.ts';
import { GOSSIP_PORT, RealAgents, missing } from './real-agents.ts';

const KEY = Buffer.from('0123456789abcdef').toString('base64');
const OTHER_KEY = Buffer.alloc(32, 7).toString('base64');
const WITHIN_MS = 30_000;

describe('on the wire', function () {
  // The first that needs it builds the program.
  this.timeout(240_000);
  let playground: Playground;
  let agents: RealAgents;
  before(function () {
    agents = new RealAgents();
    const why = missing('serf', 'go');
    if (why === undefined) return;
    console.log(`      ${why}`);
    this.skip();
  });
  beforeEach(() => void (playground = new Playground()));
  afterEach(() => Promise.all([playground.clear(), agents.end()]));
  after(() => agents.clear());

  function ours(name: string, to: string | undefined, flags: readonly string[] = []): Promise<StartedNode> {
    const join = to === undefined ? [] : ['--join', to];
    return playground.node(name, { bind: agents.host(), ports: [GOSSIP_PORT, '0'], flags: [...join, '--profile', 'local', ...flags], readyWithinMs: WITHIN_MS });
  }

  function keyring(key: string): readonly string[] {
    const file = join(playground.home, `${Buffer.from(key).toString('hex', 0, 4)}.json`);
    writeFileSync(file, JSON.stringify([key]), { mode: 0o600 });
    return ['--gossip-keyring', file];
  }

  async function aliveAt(node: StartedNode): Promise<string[]> {
    const members = await node.json<{ name: string; status: string }[]>('members');
    return members.filter(({ status }) => status === 'alive').map(({ name }) => name).toSorted();
  }

  async function agree(names: readonly string[], nodes: readonly StartedNode[], others: readonly (() => readonly string[])[]): Promise<void> {
    const wanted = names.toSorted().join();
    for (const node of nodes) await until(`${node.name} lists ${wanted}`, WITHIN_MS, async () => (await aliveAt(node)).join() === wanted || undefined);
    for (const alive of others) await until(`the others list ${wanted}`, WITHIN_MS, () => alive().toSorted().join() === wanted || undefined);
  }

  async function droppedBy(node: StartedNode): Promise<Record<string, number>> {
    return (await node.json<{ packetsDropped: Record<string, number> }>('status')).packetsDropped;
  }

  const serfAlive = (agent: Awaited<ReturnType<RealAgents['serf']>>) => () => agent.members().filter(({ status }) => status === 'alive').map(({ name }) => name);

  for (const isEncrypted of [false, true]) {
    it(`two agents of Serf and two of ours are one cluster, compressed and ${isEncrypted ? 'encrypted' : 'in plain text'}`, async () => {
      const serfs = isEncrypted ? [`-encrypt=${KEY}`] : [];
      const mine = isEncrypted ? keyring(KEY) : [];
      const s1 = await agents.serf('s1', serfs);
      const s2 = await agents.serf('s2', [...serfs, `-join=${s1.address}`]);
      const o1 = await ours('o1', s1.address, mine);
      const o2 = await ours('o2', s2.address, mine);
      await agree(['s1', 's2', 'o1', 'o2'], [o1, o2], [serfAlive(s1), serfAlive(s2)]);
      // Now one of theirs joins through one of ours.
      const s3 = await agents.serf('s3', [...serfs, `-join=${o1.gossip}`]);
      await agree(['s1', 's2', 's3', 'o1', 'o2'], [o1, o2], [serfAlive(s1), serfAlive(s3)]);
      for (const node of [o1, o2]) expect(await droppedBy(node)).to.deep.equal({});
      for (const { log } of [s1, s2, s3]) expect(log().split('\n').filter((line) => /\[(WARN|ERR)\]/.test(line))).to.deep.equal([]);
    });
  }

  for (const [protocol, isEncrypted, isSerf] of [[1, true, false], [2, false, false], [3, true, true], [4, false, true], [5, true, false]] as const) {
    it(`programs on memberlist that speak protocol ${protocol} and a node of ours are one cluster, ${isEncrypted ? 'encrypted' : 'where only ours compresses'}, ${isSerf ? "as Serf's agents" : 'without Serf'}`, async () => {
      const flags = ['-protocol', String(protocol), ...(isSerf ? ['-serf'] : []), ...(isEncrypted ? ['-key', KEY] : ['-uncompressed'])];
      const go = agents.memberlist('go', flags);
      await until('the program is up', WITHIN_MS, () => go.alive().length > 0 || undefined);
      const node = await ours('ours', go.address, [...(isEncrypted ? keyring(KEY) : []), '--gossip-application', isSerf ? 'serf' : 'none']);
      const second = agents.memberlist('second', [...flags, '-join', node.gossip]);
      await agree(['go', 'second', 'ours'], [node], [go.alive, second.alive]);
      expect(await droppedBy(node)).to.deep.equal({});
      expect(go.log().split('\n').filter((line) => /\[(WARN|ERR)\]/.test(line))).to.deep.equal([]);
      await node.kill('SIGTERM');
      await until('the program knows that ours has left', WITHIN_MS, () => !go.alive().includes('ours') || undefined);
      await Promise.all([go.leave(), second.leave()]);
    });
  }

  it('who does not have the key of a Serf cluster stays out of it, and is told why', async () => {
    const sealed = await agents.serf('sealed', [`-encrypt=${KEY}`]);
    const open = await agents.serf('open');
    const cases = [
      [sealed, [], 'the answer is encrypted, and this node has no key'],
      [sealed, keyring(OTHER_KEY), 'the answer is not in a key that this node has'],
      [open, keyring(KEY), 'it refuses, and says: Remote state is encrypted and encryption is not configured'],
    ] as const;
    for (const [i, [agent, flags, words]] of cases.entries()) {
      const node = await ours(`out${i}`, agent.address, flags);
      await until(words, WITHIN_MS, () => node.stderr().includes(words) || undefined);
      expect(await aliveAt(node)).to.deep.equal([`out${i}`]);
      await node.kill('SIGKILL');
    }
    expect(serfAlive(sealed)()).to.deep.equal(['sealed']);
    expect(serfAlive(open)()).to.deep.equal(['open']);
  });

  it('what we compress is what Go compresses, and is read back the same', () => {
    const random = seededRandom(9);
    const inputs = Array.from({ length: 300 }, (_, i) => {
      const letters = [2, 5, 30, 256][i % 4]!;
      return Uint8Array.from({ length: randomInt(random, i < 290 ? 3_000 : 100_000) }, () => randomInt(random, letters));
    });
    for (const [i, theirs] of agents.lzw(inputs).entries()) {
      expect(Buffer.compare(lzwCompress(inputs[i]!), theirs), `input ${i}`).to.equal(0);
      expect(Buffer.compare(lzwDecompress(theirs, inputs[i]!.length), inputs[i]!), `input ${i}`).to.equal(0);
    }
  });
});
