import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { keyFingerprint, usedKey } from '../../src/trust/gossip-ring.ts';
import { readRing } from '../../src/trust/ring-file.ts';
import { Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly session: string;
}

/** Two homes stand for two machines: the authority is in one of them. */
describe('the keys of gossip of a trust domain, as processes', function () {
  this.timeout(120_000);
  let here: Playground;
  let there: Playground;
  const ORIGIN = '127.0.75.1';

  beforeEach(() => {
    here = new Playground();
    there = new Playground();
  });
  afterEach(async () => {
    await there.clear();
    await here.clear();
  });

  const joined = async (name: string, bind: string): Promise<StartedNode> => {
    const { stdout } = await here.run('token', 'create', '--node', name);
    const { code, stderr } = await there.run('join', '--token', stdout.trim(), '--seed', ORIGIN, '--data-dir', join(there.home, name));
    expect(code, stderr).to.equal(0);
    return there.node(name, { bind, readyWithinMs: 30_000 });
  };
  const open = async (node: StartedNode): Promise<string> => (await node.json<Member[]>('members')).filter(({ session }) => session === 'open').map(({ name }) => name).join();
  const used = ({ dataDir }: StartedNode): string => keyFingerprint(usedKey(readRing(join(dataDir, 'trust'))!)!);

  it('are there from the start, change under traffic and for a ban, and are handed to who was away', async () => {
    expect((await here.run('init', '--trust-domain', 'omega.test', '--name', 'n1', '--data-dir', join(here.home, 'n1'))).code).to.equal(0);
    const n1 = await here.node('n1', { bind: ORIGIN, readyWithinMs: 30_000 });
    const n2 = await joined('n2', '127.0.75.2');
    const n3 = await joined('n3', '127.0.75.3');
    await until('sessions of all', 30_000, async () => ((await open(n1)) === 'n2,n3' && (await open(n2)) === 'n1,n3' ? true : undefined));
    const first = used(n1);
    expect([used(n2), used(n3)]).to.deep.equal([first, first]);
    expect(statSync(join(n2.dataDir, 'trust', 'gossip-ring.json')).mode & 0o777).to.equal(0o600);
    // Whoever knows a key of gossip can put queries to all: these are answered to nobody.
    expect((await n2.mesh('keys', 'list')).stderr).to.include('those of the trust domain');

    expect((await n2.mesh('keys', 'rotate')).stderr).to.include('made by nodes that hold the authority');
    const rotated = await until('sessions that have stood for a moment', 20_000, async () => {
      const { stdout } = await n1.mesh('keys', 'rotate');
      return /which 2 of 2 peers have too/.test(stdout) ? stdout : undefined;
    });
    const second = used(n1);
    expect(second).not.to.equal(first);
    expect(rotated).to.include(second);
    await until('all to use it', 10_000, () => (used(n2) === second && used(n3) === second ? true : undefined));

    // One is away while the key is changed for another.
    await n2.kill('SIGTERM');
    await n1.mesh('trust', 'ban', 'n3', '--reason', 'its disk was stolen');
    await until('another key', 20_000, () => (used(n1) === second ? undefined : true));
    await until('the old ones to be let go of', 30_000, () => (readRing(join(n1.dataDir, 'trust'))!.length === 1 ? true : undefined));
    expect(used(n3)).to.equal(second);
    expect(readRing(join(n3.dataDir, 'trust'))!.map(keyFingerprint)).not.to.include(used(n1));
    const back = await there.node('n2', { bind: '127.0.75.2', readyWithinMs: 30_000 });
    expect(used(back)).to.equal(second);
    await until('n2 to be back', 40_000, async () => ((await open(back)) === 'n1' ? true : undefined));
    expect(used(back)).to.equal(used(n1));

    const happened = (await n1.json<{ happenings: readonly { type: string }[] }>('members', 'why', 'n2')).happenings.map(({ type }) => type);
    expect(happened).not.to.include('suspect');
    const audit = (await n1.mesh('audit', 'tail', '--json', '--limit', '1000')).stdout;
    for (const what of ['gossip-key-made', 'gossip-key-used', 'gossip-keys-let-go', 'rotate-gossip-key']) expect(audit).to.include(`"what":"${what}"`);
    expect(audit).to.include('a node was banned');
  });
});
