/** One of Serf's agents and one of our nodes have one name, in two clusters that become one: all vote, and one of the two has to go. */
import { expect } from 'chai';
import { Playground, until, untilSaid } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';
import { ownHost } from '../support/own-network.ts';
import { SerfAgents, whatSerfLacks } from '../support/serf-agents.ts';

const WITHIN_MS = 90_000;

describe('a name that an agent of Serf and a node of ours have when their clusters become one', function () {
  this.timeout(300_000);
  let play: Playground;
  let agents: SerfAgents;
  before(function () {
    const lack = whatSerfLacks();
    if (lack === undefined) return;
    process.stdout.write(`    ${lack}\n`);
    this.skip();
  });
  beforeEach(() => {
    play = new Playground();
    agents = new SerfAgents();
  });
  afterEach(() => Promise.all([play.clear(), agents.clear()]));

  function ours(name: string, last: number, ...join: readonly { readonly gossip: string }[]): Promise<StartedNode> {
    return play.node(name, { bind: ownHost(last), ports: ['17946', '0'], flags: ['--profile', 'local', ...join.flatMap(({ gossip }) => ['--join', gossip])], readyWithinMs: WITHIN_MS });
  }

  it('is theirs when more know theirs: ours is outvoted, says so, and stops', async () => {
    const s1 = await agents.start('s1', ownHost(41), []);
    const [s2, many] = await Promise.all([42, 43].map((last) => agents.start(last === 42 ? 's2' : 'x', ownHost(last), [`-join=${s1.gossip}`])));
    for (const agent of [s1, s2!]) await until(`${agent.name} knows all`, WITHIN_MS, async () => ((await agent.alive()).length === 3 ? true : undefined));
    const few = await ours('x', 44);
    await ours('bridge', 45, few, s1);
    await until('ours ends', WITHIN_MS, () => (few.process.exitCode === null ? undefined : true));
    await untilSaid(few, /name-lost .*[23] members know that one/);
    expect(many!.process.exitCode).to.equal(null);
  });

  it('is ours when more know ours: theirs finds itself in the minority, and quits', async () => {
    const n1 = await ours('n1', 46);
    const [n2, many] = await Promise.all([ours('n2', 47, n1), ours('x', 48, n1)]);
    for (const node of [n1, n2]) await until(`${node.name} knows all`, WITHIN_MS, async () => ((await node.json<{ status: string }[]>('members')).filter(({ status }) => status === 'alive').length === 3 ? true : undefined));
    const few = await agents.start('x', ownHost(49), []);
    await ours('bridge', 50, few, n1);
    await until('theirs quits', WITHIN_MS, () => /minority in name conflict resolution, quitting/.test(few.log()) || undefined);
    expect(many.process.exitCode).to.equal(null);
  });
});
