import { join } from 'node:path';
import { expect } from 'chai';
import { listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Shown {
  readonly sequence: number;
  readonly authorities: readonly { readonly pin: string; readonly state: string; readonly userCount: number }[];
  readonly lagging: readonly string[];
}

/** Two homes stand for two machines: the authority is in the one. */
describe('an authority that another one takes the place of, as processes', function () {
  this.timeout(90_000);
  let here: Playground;
  let there: Playground;
  let n1: StartedNode;
  let n2: StartedNode;
  const ORIGIN = '127.0.72.11';
  /** So short that all have others within seconds when they are to. */
  const FLAGS = ['--svid-ttl-ms', '60000'];

  beforeEach(async () => {
    here = new Playground();
    there = new Playground();
    const made = await here.run('init', '--trust-domain', 'omega.test', '--name', 'n1', '--data-dir', join(here.home, 'n1'));
    expect(made.code, made.stderr).to.equal(0);
    n1 = await here.node('n1', { bind: ORIGIN, readyWithinMs: 30_000, flags: FLAGS });
    const joined = await there.run('join', '--token', await token('--node', 'n2'), '--seed', ORIGIN, '--data-dir', join(there.home, 'n2'));
    expect(joined.code, joined.stderr).to.equal(0);
    n2 = await there.node('n2', { bind: '127.0.72.12', readyWithinMs: 30_000 });
    await until('a session', 20_000, async () => ((await n1.json<{ sessionsOpen: number }>('status')).sessionsOpen === 1 ? true : undefined));
  });
  afterEach(async () => {
    await there.clear();
    await here.clear();
  });

  const token = async (...who: string[]): Promise<string> => (await here.run('token', 'create', ...who)).stdout.trim();
  const shown = (node: StartedNode): Promise<Shown> => node.json<Shown>('trust', 'authority', 'show');
  const states = ({ authorities }: Shown): string => authorities.map(({ state }) => state).join(' ');
  /** Once both nodes know it of each other. */
  const settled = (what: string, sequence: number): Promise<true> =>
    until(what, 20_000, async () => ((await Promise.all([n1, n2].map(shown))).every((each) => each.sequence === sequence && each.lagging.length === 0) ? true : undefined));
  async function step(verb: string): Promise<string> {
    const { code, stderr } = await n1.mesh('trust', 'authority', verb);
    return code === 0 ? 'done' : stderr;
  }

  it('goes on with a node and an agent that joined by tokens, and with a ban, while telemetry flows: nothing ends and nothing is lost', async () => {
    const agent = listenTo(there.spawn('agent', '--token', await token('--agent', 'a1'), '--node', n1.grpc, '--seed', ORIGIN, '--interval', '100'));
    await until('the agent', 20_000, async () => ((await n2.json<{ id: string }[]>('agents')).some(({ id }) => id === 'a1') ? true : undefined));
    const tail = listenTo(here.spawn('agents', 'tail', 'a1', '--json', '--data-dir', n1.dataDir));
    await n1.mesh('trust', 'ban', 'n8', '--reason', 'a test');

    expect(await step('activate')).to.match(/there is no other authority/);
    expect(await step('prepare')).to.equal('done');
    await settled('the prepared one everywhere', 2);
    expect(await step('activate')).to.equal('done');
    await settled('the active one everywhere', 3);
    const before = await shown(n1);
    expect([states(before), before.authorities[0]!.userCount]).to.deep.equal(['old active', 3]);
    expect(await step('taint')).to.equal('done');
    await settled('the taint everywhere', 4);
    expect(await step('revoke')).to.match(/still speak with certificates of the old authority: .*agent\/a1/);
    await until('other certificates of all', 40_000, async () => ((await shown(n2)).authorities[0]!.userCount === 0 && (await shown(n1)).authorities[0]!.userCount === 0 ? true : undefined));
    expect(await step('revoke')).to.equal('done');
    await settled('the end of the old one', 5);
    expect(states(await shown(n2))).to.equal('active');

    // It has been heard of the last step, and sends on.
    await until('the agent believes the new one alone', 10_000, () => (/bundle-changed sequence=5/.test(agent.stderr()) ? true : undefined));
    const sequences = (): number[] => tail.stdout().split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { sequence: number }).sequence);
    const last = sequences().at(-1)!;
    await until('more telemetry', 10_000, () => (sequences().at(-1)! > last + 5 ? true : undefined));
    const all = sequences();
    expect(all).to.deep.equal(all.map((_, i) => all[0]! + i));
    expect(agent.stderr()).not.to.match(/disconnected/);
    for (const node of [n1, n2]) expect(node.stderr()).not.to.match(/session-lost|agent-disconnected|caller-refused|bundle-refused/);

    // A node that joins now believes the new authority alone, and learns of the ban all the same.
    const third = await there.run('join', '--token', await token('--node', 'n3'), '--seed', ORIGIN, '--data-dir', join(there.home, 'n3'));
    expect(third.code, third.stderr).to.equal(0);
    const n3 = await there.node('n3', { bind: '127.0.72.13', readyWithinMs: 30_000 });
    await until('the ban on n3', 20_000, async () => ((await n3.json<{ bans: { subject: string; counts: boolean }[] }>('trust', 'bans')).bans.some(({ subject, counts }) => subject.endsWith('/n8') && counts) ? true : undefined));
  });
});
