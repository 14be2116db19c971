import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseDiscoverSpec } from '../../../src/config/discover-spec.ts';
import type { DiscoveryWorld } from '../../../src/transport/discovery/discovery.ts';
import { encodeCall } from '../../../src/transport/discovery/announcement.ts';
import { openGroup, type GroupSocket } from '../../../src/transport/discovery/group-socket.ts';
import { discoverBy } from '../../../src/transport/discovery/strategies.ts';
import { DiscoveryBench, type Watching } from '../../support/discovery-world.ts';

const SECRET = 'sixteen bytes and more';
/** Another for each process that tests at the same time. */
const PORT = 20_000 + (process.pid % 30_000);
const GROUP = '239.255.79.47';

describe('nodes that call to each other', () => {
  let bench: DiscoveryBench;
  const sockets: GroupSocket[] = [];
  beforeEach(() => (bench = new DiscoveryBench()));
  afterEach(() => {
    bench.clear();
    for (const socket of sockets.splice(0)) socket.close();
  });

  const env = { MINE: SECRET, OTHER: 'another secret of theirs', SHORT: 'too short' };
  const watch = (spec: string, world: Partial<DiscoveryWorld> = {}): Watching => bench.watch(discoverBy(parseDiscoverSpec(spec), bench.world({ env, ...world })));
  const at = (host: string): Partial<DiscoveryWorld> => ({ bind: host, self: { host, port: 7_946 } });
  const given = async (watching: Watching): Promise<string[]> => (await watching.next()).candidates.map(({ given }) => given).sort();
  const multicast = `multicast group=${GROUP} port=${PORT} every=10s`;

  async function hears(watching: Watching, ...hosts: readonly string[]): Promise<void> {
    const wanted = hosts.map((host) => `${host}:7946`).join();
    for (let seen = ''; seen !== wanted; ) seen = (await given(watching)).join();
  }

  for (const [kind, spec] of [['a multicast group', multicast], ['the broadcast address', `broadcast port=${PORT} every=10s`]] as const) {
    it(`hear each other over ${kind}, and themselves`, async () => {
      const [a, b] = [watch(`${spec} secret-env=MINE`, at('127.0.34.51')), watch(`${spec} secret-env=MINE`, at('127.0.34.52'))];
      await Promise.all([a, b].map((each) => hears(each, '127.0.34.51', '127.0.34.52')));
    });
  }

  it('answer at once who only asks, and is not called to himself', async () => {
    const node = watch(`${multicast} secret-env=MINE`, at('127.0.34.51'));
    await hears(node, '127.0.34.51');
    const from = bench.clock.now();
    await hears(watch(`${multicast} secret-env=MINE`, { bind: '127.0.34.52' }), '127.0.34.51');
    expect(bench.clock.now() - from).to.be.below(3_000);
  });

  it('do not hear who has another secret, and say that there is somebody', async () => {
    watch(`${multicast} secret-env=OTHER`, at('127.0.34.51'));
    const node = watch(`${multicast} secret-env=MINE`, at('127.0.34.52'));
    await hears(node, '127.0.34.52');
    watch(`${multicast} secret-env=OTHER`, at('127.0.34.53'));
    expect((await node.next()).trouble).to.equal('packets were refused: signed with another secret');
  });

  it('forget who is silent', async () => {
    const other = watch(`${multicast} secret-env=MINE`, at('127.0.34.51'));
    const node = watch(`${multicast} secret-env=MINE`, at('127.0.34.52'));
    await hears(node, '127.0.34.51', '127.0.34.52');
    other.stop();
    await hears(node, '127.0.34.52');
    expect(bench.clock.now()).to.be.within(30_000, 70_000);
  });

  it('do not count a packet that somebody sends again', async () => {
    const node = watch(`${multicast} secret-env=MINE`, at('127.0.34.52'));
    await hears(node, '127.0.34.52');
    const stranger = await openGroup({ kind: 'multicast', host: GROUP, port: PORT }, '127.0.34.51', { onPacket: () => undefined, onStranger: () => undefined });
    sockets.push(stranger);
    const kept = encodeCall({ from: { host: '127.0.34.51', port: 7_946 }, sender: 5n, atMs: bench.clock.now() + 1 }, Buffer.from(SECRET));
    stranger.send(kept);
    await hears(node, '127.0.34.51', '127.0.34.52');
    // Sent for ever, it does not keep anybody there.
    let seen: string[] = [];
    do {
      stranger.send(kept);
      seen = await given(node);
    } while (seen.length > 1);
    expect(bench.clock.now()).to.be.below(70_000);
    expect((await node.next()).trouble).to.match(/sent before|of a time more than 30 s/);
  });

  it('have the secret from a file too, and will not start without one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-secret-'));
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
    watch(`${multicast} secret-env=MINE`, at('127.0.34.51'));
    await hears(watch(`${multicast} secret-file=~/secret`, { ...at('127.0.34.52'), home: folder }), '127.0.34.51', '127.0.34.52');
    rmSync(folder, { recursive: true });
    const faultOf = (from: string): Promise<string> => watch(`${multicast} ${from}`).next().then(() => '', ({ message }: Error) => message);
    expect(await faultOf('secret-env=SHORT')).to.equal('the variable SHORT holds a secret of 9 bytes');
    expect(await faultOf('secret-env=UNSET')).to.equal('the variable UNSET holds a secret of 0 bytes');
    expect(await faultOf('secret-file=/nowhere/secret')).to.equal('cannot read /nowhere/secret: no such file or directory (ENOENT)');
    expect(await faultOf('secret-file=/')).to.match(/^cannot read \/: |is no secret$/);
  });

  it('are told when their interface has no such group', async () => {
    const fault = await watch(`${multicast} secret-env=MINE`, at('::1')).next().then(() => '', ({ message }: Error) => message);
    expect(fault).to.match(new RegExp(`^cannot listen on ${GROUP}:${PORT} at ::1`));
    expect(await watch('broadcast secret-env=MINE', at('::1')).next().then(() => '', ({ message }: Error) => message)).to.equal('there is no broadcast address for ::1');
  });
});
