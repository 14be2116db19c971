/** Our bytes and those of Go: a cluster of both, in plain text and encrypted, and with the labels that memberlist has since 0.3. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { lzwCompress, lzwDecompress } from '../../src/actors/membership/wire/lzw.ts';
import { randomInt, seededRandom } from '../../src/random.ts';
import { fromTrixie } from '../support/debian-release.ts';
import { Playground, until, type StartedNode } from '../support/mesh-process.ts';
import { ownHost } from '../support/own-network.ts';
import { SerfAgents, whatSerfLacks } from '../support/serf-agents.ts';
import { MemberlistPeers, whatMemberlistLacks } from './memberlist-peers.ts';

const KEY = Buffer.from('0123456789abcdef').toString('base64');
const OTHER_KEY = Buffer.alloc(32, 7).toString('base64');
const GOSSIP_PORT = '17946';
const WITHIN_MS = 40_000;

describe('on the wire', function () {
  // The first that needs it builds the program.
  this.timeout(240_000);
  let playground: Playground;
  let serfs: SerfAgents;
  let peers: MemberlistPeers;
  /** Of the releases of memberlist from 0.3 on. */
  let laterPeers: MemberlistPeers | undefined;
  let hosts = 100;
  before(function () {
    const lacks = [whatSerfLacks(), whatMemberlistLacks()].filter((lack) => lack !== undefined);
    for (const lack of lacks) console.log(`      ${lack}`);
    if (lacks.length > 0) this.skip();
    serfs = new SerfAgents();
    peers = new MemberlistPeers();
  });
  beforeEach(() => {
    playground = new Playground();
    hosts = 100;
  });
  afterEach(() => Promise.all([playground.clear(), serfs?.clear(), peers?.clear(), laterPeers?.clear()]));
  after(() => Promise.all([peers?.remove(), laterPeers?.remove()]));

  /** An address that nobody else has at the time. */
  const host = (): string => ownHost(hosts++);

  function ours(name: string, to: string | undefined, flags: readonly string[] = []): Promise<StartedNode> {
    const join = to === undefined ? [] : ['--join', to];
    return playground.node(name, { bind: host(), ports: [GOSSIP_PORT, '0'], flags: [...join, '--profile', 'local', ...flags], readyWithinMs: WITHIN_MS });
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

  async function agree(names: readonly string[], nodes: readonly StartedNode[], others: readonly { alive(): readonly string[] | Promise<readonly string[]> }[]): Promise<void> {
    const wanted = names.toSorted().join();
    for (const node of nodes) await until(`${node.name} lists ${wanted}`, WITHIN_MS, async () => (await aliveAt(node)).join() === wanted || undefined);
    for (const other of others) await until(`the others list ${wanted}`, WITHIN_MS, async () => (await other.alive()).toSorted().join() === wanted || undefined);
  }

  async function droppedBy(node: StartedNode): Promise<Record<string, number>> {
    return (await node.json<{ packetsDropped: Record<string, number> }>('status')).packetsDropped;
  }

  for (const isEncrypted of [false, true]) {
    it(`two agents of Serf and two of ours are one cluster, compressed and ${isEncrypted ? 'encrypted' : 'in plain text'}`, async () => {
      const flags = isEncrypted ? [`-encrypt=${KEY}`] : [];
      const mine = isEncrypted ? keyring(KEY) : [];
      const s1 = await serfs.start('s1', host(), flags);
      const s2 = await serfs.start('s2', host(), [...flags, `-join=${s1.gossip}`]);
      const o1 = await ours('o1', s1.gossip, mine);
      const o2 = await ours('o2', s2.gossip, mine);
      await agree(['s1', 's2', 'o1', 'o2'], [o1, o2], [s1, s2]);
      // Now one of theirs joins through one of ours.
      const s3 = await serfs.start('s3', host(), [...flags, `-join=${o1.gossip}`]);
      await agree(['s1', 's2', 's3', 'o1', 'o2'], [o1, o2], [s1, s3]);
      for (const node of [o1, o2]) expect(await droppedBy(node)).to.deep.equal({});
      for (const agent of [s1, s2, s3]) expect(agent.complaints()).to.deep.equal([]);
    });
  }

  /** A program, a node of ours that joins it, and a second program that joins ours; then ours leaves. */
  async function mix(programs: MemberlistPeers, theirFlags: readonly string[], ourFlags: readonly string[]): Promise<void> {
    const go = programs.start('go', host(), theirFlags);
    await until('the program is up', WITHIN_MS, () => go.alive().length > 0 || undefined);
    const node = await ours('ours', go.gossip, ourFlags);
    const second = programs.start('second', host(), [...theirFlags, '-join', node.gossip]);
    await agree(['go', 'second', 'ours'], [node], [go, second]);
    expect(await droppedBy(node)).to.deep.equal({});
    for (const peer of [go, second]) expect(peer.complaints()).to.deep.equal([]);
    await node.kill('SIGTERM');
    await until('the program knows that ours has left', WITHIN_MS, () => !go.alive().includes('ours') || undefined);
    await Promise.all([go.leave(), second.leave()]);
  }

  for (const [protocol, isEncrypted, isSerf] of [[1, true, false], [2, false, false], [3, true, true], [4, false, true], [5, true, false]] as const) {
    it(`programs on memberlist that speak protocol ${protocol} and a node of ours are one cluster, ${isEncrypted ? 'encrypted' : 'where only ours compresses'}, ${isSerf ? "as Serf's agents" : 'without Serf'}`, () => {
      const flags = ['-protocol', String(protocol), ...(isSerf ? ['-serf'] : []), ...(isEncrypted ? ['-key', KEY] : ['-uncompressed'])];
      return mix(peers, flags, [...(isEncrypted ? keyring(KEY) : []), '--gossip-application', isSerf ? 'serf' : 'none']);
    });
  }

  describe('under a label', () => {
    before(function () {
      const later = fromTrixie();
      if ('root' in later) laterPeers = new MemberlistPeers(join(later.root, 'usr/share/gocode'));
      else console.log(`      ${later.lack}`);
      if (laterPeers === undefined) this.skip();
    });

    for (const isEncrypted of [false, true]) {
      it(`programs on memberlist and a node of ours are one cluster, ${isEncrypted ? 'encrypted' : 'in plain text'}`, () =>
        mix(laterPeers!, ['-label', 'blue', ...(isEncrypted ? ['-key', KEY] : [])], ['--gossip-label', 'blue', ...(isEncrypted ? keyring(KEY) : []), '--gossip-application', 'none']));
    }

    it('who has another, or none, stays out, on either side', async () => {
      const blue = laterPeers!.start('blue', host(), ['-label', 'blue', '-key', KEY]);
      const none = laterPeers!.start('none', host(), ['-key', KEY]);
      const mine = [...keyring(KEY), '--gossip-application', 'none'];
      const strangers = await Promise.all([ours('red', blue.gossip, [...mine, '--gossip-label', 'red']), ours('bare', blue.gossip, mine), ours('labelled', none.gossip, [...mine, '--gossip-label', 'blue'])]);
      for (const node of strangers) await until(`${node.name} has been refused`, WITHIN_MS, () => /seed-unreached/.test(node.stderr()) || undefined);
      // And one of theirs that joins one of ours.
      const back = laterPeers!.start('back', host(), ['-key', KEY, '-join', strangers[0].gossip]);
      await until('theirs is refused', WITHIN_MS, async () => (await droppedBy(strangers[0]))['label-missing'] !== undefined || undefined);
      for (const node of strangers) expect(await aliveAt(node)).to.deep.equal([node.name]);
      for (const [peer, name] of [[blue, 'blue'], [none, 'none'], [back, 'back']] as const) expect(peer.alive()).to.deep.equal([name]);
    });
  });

  it('who does not have the key of a Serf cluster stays out of it, and is told why', async () => {
    const sealed = await serfs.start('sealed', host(), [`-encrypt=${KEY}`]);
    const open = await serfs.start('open', host(), []);
    const cases = [
      [sealed, [], 'the answer is encrypted, and this node has no key'],
      [sealed, keyring(OTHER_KEY), 'the answer is not in a key that this node has'],
      [open, keyring(KEY), 'it refuses, and says: Remote state is encrypted and encryption is not configured'],
    ] as const;
    for (const [i, [agent, flags, words]] of cases.entries()) {
      const node = await ours(`out${i}`, agent.gossip, flags);
      await until(words, WITHIN_MS, () => node.stderr().includes(words) || undefined);
      expect(await aliveAt(node)).to.deep.equal([`out${i}`]);
      await node.kill('SIGKILL');
    }
    expect(await sealed.alive()).to.deep.equal(['sealed']);
    expect(await open.alive()).to.deep.equal(['open']);
  });

  it('what we compress is what Go compresses, and is read back the same', () => {
    const random = seededRandom(9);
    const inputs = Array.from({ length: 300 }, (_, i) => {
      const letters = [2, 5, 30, 256][i % 4]!;
      return Uint8Array.from({ length: randomInt(random, i < 290 ? 3_000 : 100_000) }, () => randomInt(random, letters));
    });
    for (const [i, theirs] of peers.lzw(inputs).entries()) {
      expect(Buffer.compare(lzwCompress(inputs[i]!), theirs), `input ${i}`).to.equal(0);
      expect(Buffer.compare(lzwDecompress(theirs, inputs[i]!.length), inputs[i]!), `input ${i}`).to.equal(0);
    }
  });
});
