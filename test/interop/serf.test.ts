/** Serf's agents are a peer that we did not write: what they make of our nodes is what our nodes are worth. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';
import { SerfAgents, whatSerfLacks } from '../support/serf-agents.ts';
import type { SerfAgent } from '../support/serf-agents.ts';

interface Member {
  readonly name: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

const NAMES = ['s1', 's2', 's3', 'n1', 'n2', 'n3'];

/** Three of theirs and three of ours, all knowing all. */
class Cluster {
  readonly play = new Playground();
  readonly #agents = new SerfAgents();
  theirs: SerfAgent[] = [];
  ours: StartedNode[] = [];

  /** @param key base64, for gossip that is encrypted */
  async start(net: string, key?: string): Promise<void> {
    const join1 = `${net}.1:17946`;
    for (const i of [1, 2, 3]) {
      const flags = [`-tag=role=theirs${i}`, '-event-handler=query:load=cat >/dev/null; echo theirs', ...(i === 1 ? [] : [`-join=${join1}`]), ...(key === undefined ? [] : [`-encrypt=${key}`])];
      this.theirs.push(await this.#agents.start(`s${i}`, `${net}.${i}`, flags));
    }
    this.ours = await Promise.all([1, 2, 3].map((i) => this.#startOurs(`n${i}`, `${net}.1${i}`, join1, key)));
    await this.settle(Object.fromEntries(NAMES.map((name) => [name, 'alive'])), 20_000);
  }

  async clear(): Promise<void> {
    await Promise.all([this.play.clear(), this.#agents.clear()]);
  }

  /** Until both sides see each of these so; in our words. */
  async settle(wanted: Readonly<Record<string, string>>, withinMs: number, by: readonly (SerfAgent | StartedNode)[] = [...this.theirs, ...this.ours]): Promise<void> {
    await Promise.all(
      by.map((one) => {
        let seen: Readonly<Record<string, string>> = {};
        return until(`${one.name} sees ${JSON.stringify(wanted)}`, withinMs, async () => {
          seen = 'members' in one ? await statuses(one) : await ourStatuses(one);
          return Object.entries(wanted).every(([name, status]) => seen[name] === status) ? true : undefined;
        }).catch((error: Error) => {
          throw new Error(`${error.message}; it sees ${JSON.stringify(seen)}`);
        });
      }),
    );
  }

  /** What the agents have complained of, but for what is between them and their own clients. */
  complaints(): string[] {
    return this.theirs.flatMap((agent) => agent.log().split('\n').filter((line) => /\[(WARN|ERR)\] (memberlist|serf):/.test(line)).map((line) => `${agent.name}: ${line.trim()}`));
  }

  #startOurs(name: string, bind: string, seed: string, key: string | undefined): Promise<StartedNode> {
    const flags = ['--profile', 'local', '--join', seed, '--tag', `role=ours-${name}`];
    if (key === undefined) return this.play.node(name, { bind, ports: ['17946', '0'], flags });
    const keyring = join(this.play.home, `${name}-keys.json`);
    mkdirSync(this.play.home, { recursive: true });
    writeFileSync(keyring, JSON.stringify([key]), { mode: 0o600 });
    return this.play.node(name, { bind, ports: ['17946', '0'], flags: [...flags, '--gossip-keyring', keyring] });
  }
}

/** Theirs in our words. */
const WORDS: Readonly<Record<string, string>> = { failed: 'dead', leaving: 'alive' };

async function statuses(agent: SerfAgent): Promise<Record<string, string>> {
  return Object.fromEntries(Object.values(await agent.members()).map(({ name, status }) => [name, WORDS[status] ?? status]));
}

async function ourMembers(node: StartedNode): Promise<Readonly<Record<string, Member>>> {
  return Object.fromEntries((await node.json<Member[]>('members')).map((member) => [member.name, member]));
}

async function ourStatuses(node: StartedNode): Promise<Record<string, string>> {
  return Object.fromEntries(Object.values(await ourMembers(node)).map(({ name, status }) => [name, status]));
}

function linesOf(text: string): Record<string, unknown>[] {
  return text.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Nothing can be tested of agents that are not there; it is said, once, what is missing. */
function needsSerf(suite: Mocha.Context): void {
  const lack = whatSerfLacks();
  if (lack === undefined) return;
  process.stdout.write(`    ${lack}\n`);
  suite.skip();
}

describe("Serf's agents and our nodes in one cluster", function () {
  this.timeout(120_000);
  let cluster: Cluster;
  before(async function () {
    needsSerf(this);
    cluster = new Cluster();
    await cluster.start('127.0.41');
  });
  after(() => cluster?.clear());

  it('see each other, with tags, also those that change', async () => {
    const [s1] = cluster.theirs as [SerfAgent];
    const [n1] = cluster.ours as [StartedNode];
    expect((await s1.members())['n2']).to.deep.include({ addr: '127.0.41.12:17946', status: 'alive' }).and.to.have.nested.property('tags.role', 'ours-n2');
    expect((await ourMembers(n1))['s2']).to.deep.include({ status: 'alive', tags: { role: 'theirs2' } });
    await Promise.all([n1.mesh('tags', 'set', 'role=new', 'zone=eu'), s1.serf('tags', '-set=role=new', '-set=zone=us')]);
    await until('an agent sees our new tags', 10_000, async () => ((await cluster.theirs[1]!.members())['n1']?.tags['zone'] === 'eu' ? true : undefined));
    await until('we see the new tags of an agent', 10_000, async () => ((await ourMembers(cluster.ours[1]!))['s1']?.tags['zone'] === 'us' ? true : undefined));
  });

  it("hear each other's events", async () => {
    const ours = listenTo(cluster.play.spawn('event', '--follow', '--json', '--data-dir', cluster.ours[2]!.dataDir));
    const theirs = listenTo(cluster.theirs[2]!.follow('monitor', '-log-level=info'));
    await until('both have heard both', 30_000, async () => {
      await Promise.all([cluster.theirs[0]!.serf('event', '-coalesce=false', 'from-theirs', 'a'), cluster.ours[0]!.mesh('event', 'from-ours', 'b')]);
      return ['from-theirs', 'from-ours'].every((name) => ours.stdout().includes(name) && theirs.stdout().includes(name)) ? true : undefined;
    });
    expect(linesOf(ours.stdout()).find(({ name }) => name === 'from-theirs')).to.include({ type: 'event', payload: 'a' });
  });

  it("answer each other's queries, those that they are for", async () => {
    cluster.play.spawn('answer', 'load', 'echo', 'ours', '--data-dir', cluster.ours[1]!.dataDir);
    const ask = async (...flags: string[]): Promise<Record<string, unknown>[]> => linesOf((await cluster.ours[0]!.mesh('query', 'load', '--timeout', '2s', '--json', ...flags)).stdout);
    const items = await until('all answers', 40_000, async () => {
      const lines = await ask();
      return lines.filter(({ type }) => type === 'response').length === 4 ? lines : undefined;
    });
    expect(items.filter(({ type }) => type === 'ack').map(({ from }) => from)).to.have.members(NAMES);
    const answers = items.filter(({ type }) => type === 'response').map(({ from, payload }) => `${String(from)} ${String(payload).trim()}`);
    expect(answers).to.have.members(['s1 theirs', 's2 theirs', 's3 theirs', 'n2 ours']);
    const filtered = await ask('--tag', 'role=^(theirs2|ours-n3)$', '--relay', '1');
    expect(filtered.filter(({ type }) => type === 'ack').map(({ from }) => from)).to.have.members(['s2', 'n3']);
    const theirs = JSON.parse(await cluster.theirs[0]!.serf('query', '-timeout=2s', '-format=json', '-tag=role=ours.*', 'load')) as { Acks: string[]; Responses: Record<string, string> };
    expect(theirs.Acks).to.have.members(['n2', 'n3']);
    expect(theirs.Responses['n2']).to.include('ours');
  });

  it('are reached by gossip, and know how far each is', async () => {
    expect(await cluster.theirs[0]!.serf('reachability')).to.include('Successfully contacted all live nodes');
    await until('an estimate of theirs', 20_000, async () => /rtt: [\d.]+ ms/.test(await cluster.theirs[0]!.serf('rtt', 's1', 'n2')) || undefined);
    await until('an estimate of ours', 20_000, async () => ((await cluster.ours[0]!.mesh('rtt', 's2', 'n3')).code === 0 ? true : undefined));
  });

  it('have nothing to complain of so far', () => {
    expect(cluster.complaints()).to.deep.equal([]);
  });

  it('see one of each side that stands still as dead, and alive again when it goes on', async () => {
    const [s3, n3] = [cluster.theirs[2]!, cluster.ours[2]!];
    const others = [...cluster.theirs.slice(0, 2), ...cluster.ours.slice(0, 2)];
    for (const one of [s3, n3]) one.process.kill('SIGSTOP');
    await cluster.settle({ s3: 'dead', n3: 'dead' }, 60_000, others);
    for (const one of [s3, n3]) one.process.kill('SIGCONT');
    await cluster.settle({ s3: 'alive', n3: 'alive', s1: 'alive', n1: 'alive' }, 30_000, others);
  });

  it('see one of each side that leaves as left, and one that is killed as dead', async () => {
    const [s2, s3] = cluster.theirs.slice(1) as [SerfAgent, SerfAgent];
    const [n2, n3] = cluster.ours.slice(1) as [StartedNode, StartedNode];
    await Promise.all([s3.serf('leave'), n3.kill('SIGTERM'), s2.kill('SIGKILL'), n2.kill('SIGKILL')]);
    const staying = [cluster.theirs[0]!, cluster.ours[0]!];
    await cluster.settle({ s3: 'left', n3: 'left', s2: 'dead', n2: 'dead' }, 60_000, staying);
  });

  it('forget who was killed, told so by one of either side', async () => {
    const [s1, n1] = [cluster.theirs[0]!, cluster.ours[0]!];
    await n1.mesh('force-leave', 's2');
    await s1.serf('force-leave', 'n2');
    await cluster.settle({ s2: 'left', n2: 'left' }, 20_000, [s1, n1]);
    await n1.mesh('force-leave', 'n2', '--prune');
    await s1.serf('force-leave', '-prune', 's2');
    await Promise.all([s1, n1].map((one) => until(`${one.name} forgets both`, 20_000, async () => {
      const names = Object.keys('members' in one ? await one.members() : await ourMembers(one));
      return names.includes('n2') || names.includes('s2') ? undefined : true;
    })));
    expect((await n1.mesh('members', 'why', 's2')).stdout).to.include('it is to be forgotten');
  });

  it('complain of nobody but those that were stopped or killed', () => {
    // What an agent says of a member that does not answer, or is late; and what it says when it was stopped itself.
    const ordinary = /Failed fallback ping: .*127\.0\.41\.(2|3|12|13):|Push\/Pull with [sn][23] failed|Was able to connect to [sn][23] |Refuting a (suspect|dead) message/;
    expect(cluster.complaints().filter((line) => !ordinary.test(line))).to.deep.equal([]);
  });
});

describe("Serf's agents and our nodes in one cluster that is encrypted", function () {
  this.timeout(120_000);
  const [first, second, third] = [16, 32, 24].map((bytes) => randomBytes(bytes).toString('base64')) as [string, string, string];
  let cluster: Cluster;
  before(async function () {
    needsSerf(this);
    cluster = new Cluster();
    await cluster.start('127.0.42', first);
  });
  after(() => cluster?.clear());

  it('change its keys while it runs, asked by one of ours', async () => {
    const [n1] = cluster.ours as [StartedNode];
    for (const [action, key] of [['install', second], ['use', second], ['remove', first]] as const) {
      expect(await n1.json<object>('keys', action, key), action).to.deep.equal({ members: 6, answered: 6, refused: [] });
    }
    expect(await n1.json<object>('keys', 'list')).to.deep.include({ keys: [{ key: second, members: 6, primary: 6 }] });
    expect((await cluster.theirs[0]!.serf('keys', '-list')).replaceAll(/ +/g, ' ')).to.include(`${second} [6/6]`).and.not.to.include(first);
  });

  it('change its keys while it runs, asked by one of theirs', async () => {
    const [s1] = cluster.theirs as [SerfAgent];
    for (const flag of [`-install=${third}`, `-use=${third}`, `-remove=${second}`]) expect(await s1.serf('keys', flag), flag).to.match(/success/i);
    expect(await cluster.ours[0]!.json<object>('keys', 'list')).to.deep.include({ keys: [{ key: third, members: 6, primary: 6 }] });
    expect((await cluster.ours[0]!.mesh('keys', 'remove', third)).code, 'the key in use').to.equal(1);
  });

  it('goes on as before', async () => {
    await cluster.settle(Object.fromEntries(NAMES.map((name) => [name, 'alive'])), 20_000);
    expect(await cluster.theirs[0]!.serf('reachability')).to.include('Successfully contacted all live nodes');
    expect(cluster.complaints().filter((line) => !line.includes('Keyring') && !line.includes('key'))).to.deep.equal([]);
  });
});
