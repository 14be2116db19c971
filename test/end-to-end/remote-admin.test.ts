import { join } from 'node:path';
import { expect } from 'chai';
import { commandHere } from '../support/command-here.ts';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { Finished, StartedNode } from '../support/mesh-process.ts';

interface AuditLine {
  readonly what: string;
  readonly who: string;
  readonly outcome: string;
  readonly subject?: string;
}

/** Two homes stand for two machines: what is in the one, the other does not have. */
describe('admins, as processes on another machine', function () {
  this.timeout(120_000);
  let here: Playground;
  let there: Playground;
  let n1: StartedNode;
  const HOST = '127.0.74.11';

  beforeEach(async () => {
    here = new Playground();
    there = new Playground();
    expect((await here.run('init', '--trust-domain', 'omega.test', '--name', 'n1', '--data-dir', join(here.home, 'n1'))).code).to.equal(0);
    n1 = await here.node('n1', { bind: HOST, readyWithinMs: 30_000 });
  });
  afterEach(async () => {
    await there.clear();
    await here.clear();
  });

  const joinAs = async (name: string, role: string): Promise<void> => {
    const token = (await commandHere(here.home, ['token', 'create', '--admin', name, '--role', role])).stdout.trim();
    const joined = await there.run('join', '--token', token, '--seed', HOST);
    expect(joined.stdout, joined.stderr).to.equal(`joined omega.test as spiffe://omega.test/admin/${name}, in ${join(there.home, '.omega-mesh', '.admins', name)}\n`);
  };
  const as = (admin: string, ...words: string[]): Promise<Finished> => commandHere(there.home, ['--node', n1.grpc, '--as', admin, ...words]);
  const audited = async (): Promise<string[]> =>
    (await commandHere(here.home, ['audit', 'tail', '--json', '--limit', '1000', '--data-dir', n1.dataDir])).stdout.trim().split('\n').map((line) => JSON.parse(line) as AuditLine).map(({ what, outcome, subject = '', who }) => `${what} ${outcome} ${subject} by ${who}`);

  it('do what their roles let them, take bans back only in twos, and are cut off when they are banned', async () => {
    for (const [name, role] of [['kim', 'viewer'], ['lee', 'operator'], ['ann', 'admin'], ['bob', 'admin']] as const) await joinAs(name, role);

    const looked = await as('kim', 'status');
    expect([looked.code, looked.stderr]).to.deep.equal([0, `mesh: asking n1 at ${n1.grpc} as admin/kim (viewer)\n`]);
    const denied = await as('kim', 'registry', 'put', 'zone', 'eu-1');
    expect([denied.code, denied.stdout]).to.deep.equal([1, '']);
    expect(denied.stderr).to.include('viewer kim may not call AdminService/RegistryPut: an operator may').and.to.include('--role operator');

    const watch = there.spawn('--node', `n1=${n1.grpc}`, '--as', 'kim', 'registry', 'watch');
    const said = listenTo(watch);
    await until('the watch', 20_000, () => (said.stdout().includes('synced') ? true : undefined));
    expect((await as('lee', 'registry', 'put', 'zone', 'eu-1')).stdout).to.equal('created zone\n');
    await until('the change', 10_000, () => (said.stdout().includes('put zone = eu-1') ? true : undefined));
    expect((await as('lee', 'trust', 'ban', 'n9', '--reason', 'x')).stderr).to.include('operator lee may not call BanService/IssueBan: an admin may');

    expect((await as('ann', 'trust', 'ban', 'n9', '--reason', 'stolen')).stdout).to.include('banned spiffe://omega.test/node/n9');
    for (const again of [1, 2]) expect((await as('ann', 'trust', 'unban', 'n9', '--reason', 'found')).stdout, `time ${again}`).to.include('is kept out still');
    expect((await as('kim', 'trust', 'bans')).stderr).to.match(/admin\/ann \(admin\) has asked at \S+ to unban spiffe:\/\/omega\.test\/node\/n9/);
    expect((await as('bob', 'trust', 'unban', 'n9', '--reason', 'found')).stdout).to.include('unbanned spiffe://omega.test/node/n9');

    await as('ann', 'trust', 'evict', 'admin/lee', '--reason', 'his laptop was lost');
    // Not in the same second: certificates tell no less.
    await until('lee to have attested again', 10_000, async () => {
      const { code, stderr } = await as('lee', 'status');
      if (code !== 0) throw new Error(stderr);
      return true;
    });

    const cut = endOf(watch, () => undefined);
    expect((await as('ann', 'trust', 'ban', 'admin/kim', '--reason', 'left us')).stdout).to.include('cut off 1 connection here');
    expect(await cut).to.equal(3);
    expect((await as('kim', 'status')).stderr).to.include('spiffe://omega.test/admin/kim was banned at ');

    expect(await audited()).to.include.members([
      'call refused /omega.mesh.v1.AdminService/RegistryPut by spiffe://omega.test/admin/kim',
      'registry-put done zone by admin/lee (operator)',
      'unban begun n9 by admin/ann (admin)',
      'unban done n9 by admin/bob (admin)',
      'ban done admin/kim by admin/ann (admin)',
    ]);
  });
});
