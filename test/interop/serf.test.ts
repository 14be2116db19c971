/** Serf's agents are a peer that we did not write: what they make of our nodes is what our nodes are worth. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { fromTrixie } from '../support/debian-release.ts';
import { listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';
import { ownHost } from '../support/own-network.ts';
import { SerfAgents, whatSerfLacks } from '../support/serf-agents.ts';
import type { SerfAgent } from '../support/serf-agents.ts';

interface Member {
  readonly verified: string;
  readonly session: string;
  readonly name: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

const NAMES = ['s1', 's2', 's3', 'n1', 'n2', 'n3'];
/** A question or an answer may be lost, and a busy machine be late: what is asked once may have to be asked again. */
const WITHIN_MS = 40_000;
const SUITE_MS = 300_000;

/** Three of theirs and three of ours, all knowing all. */
class Cluster {
  readonly play = new Playground();
  readonly #agents: SerfAgents;
  readonly #firstHost: number;
  theirs: SerfAgent[] = [];
  ours: StartedNode[] = [];

  /** @param firstHost of six; @param program of Serf's */
  constructor(firstHost: number, program: string) {
    this.#firstHost = firstHost;
    this.#agents = new SerfAgents(program);
  }

  /** Where one of ours is, or one of theirs. */
  hostOf(name: string): string {
    return ownHost(this.#firstHost + NAMES.indexOf(name));
  }

  /** @param key base64, for gossip that is encrypted */
  async start(key?: string): Promise<void> {
    const seed = `${this.hostOf('s1')}:17946`;
    for (const i of [1, 2, 3]) {
      const flags = [`-tag=role=theirs${i}`, '-event-handler=query:load=cat >/dev/null; echo theirs', ...(i === 1 ? [] : [`-join=${seed}`]), ...(key === undefined ? [] : [`-encrypt=${key}`])];
      this.theirs.push(await this.#agents.start(`s${i}`, this.hostOf(`s${i}`), flags));
    }
    this.ours = await Promise.all([1, 2, 3].map((i) => this.#startOurs(`n${i}`, seed, key)));
    await this.settle(Object.fromEntries(NAMES.map((name) => [name, 'alive'])), WITHIN_MS);
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

  /** Of the agents. */
  complaints(): string[] {
    return this.theirs.flatMap((agent) => agent.complaints());
  }

  #startOurs(name: string, seed: string, key: string | undefined): Promise<StartedNode> {
    const options = { bind: this.hostOf(name), ports: ['17946', '0'], readyWithinMs: WITHIN_MS } as const;
    const flags = ['--profile', 'local', '--join', seed, '--tag', `role=ours-${name}`];
    if (key === undefined) return this.play.node(name, { ...options, flags });
    const keyring = join(this.play.home, `${name}-keys.json`);
    mkdirSync(this.play.home, { recursive: true });
    writeFileSync(keyring, JSON.stringify([key]), { mode: 0o600 });
    return this.play.node(name, { ...options, flags: [...flags, '--gossip-keyring', keyring] });
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

/** Which Serf; nothing can be tested of agents that are not there, and then it is said what is missing. */
function serfOf(release: 'installed' | 'later', suite: Mocha.Context): string {
  const lack = whatSerfLacks();
  const later = release === 'later' && lack === undefined ? fromTrixie() : undefined;
  if (lack === undefined && later === undefined) return 'serf';
  if (later !== undefined && 'root' in later) return join(later.root, 'usr/bin/serf');
  process.stdout.write(`    ${lack ?? later?.lack}\n`);
  return suite.skip();
}

/** Asks again until the answer is as it must be at last. */
async function eventually<T>(what: string, ask: () => Promise<T>, judge: (answer: T) => void): Promise<void> {
  await until(what, WITHIN_MS, async () => {
    judge(await ask());
    return true;
  });
}

for (const [release, which] of [['installed', ''], ['later', ' of a later release']] as const) {
  describe(`Serf's agents${which} and our nodes in one cluster`, function () {
    this.timeout(SUITE_MS);
    let cluster: Cluster;
    before(async function () {
      cluster = new Cluster(release === 'installed' ? 1 : 21, serfOf(release, this));
      await cluster.start();
    });
    after(() => cluster?.clear());

    it('see each other, with tags, also those that change', async () => {
      const [s1] = cluster.theirs as [SerfAgent];
      const [n1] = cluster.ours as [StartedNode];
      expect((await s1.members())['n2']).to.deep.include({ addr: cluster.ours[1]!.gossip, status: 'alive' }).and.to.have.nested.property('tags.role', 'ours-n2');
      expect((await ourMembers(n1))['s2']).to.deep.include({ status: 'alive', tags: { role: 'theirs2' }, verified: 'no', session: 'none' });
      await until('we have verified each other', WITHIN_MS, async () => ((await ourMembers(n1))['n2']?.verified === 'yes' ? true : undefined));
      await Promise.all([n1.mesh('tags', 'set', 'role=new', 'zone=eu'), s1.serf('tags', '-set=role=new', '-set=zone=us')]);
      await until('an agent sees our new tags', WITHIN_MS, async () => ((await cluster.theirs[1]!.members())['n1']?.tags['zone'] === 'eu' ? true : undefined));
      await until('we see the new tags of an agent', WITHIN_MS, async () => ((await ourMembers(cluster.ours[1]!))['s1']?.tags['zone'] === 'us' ? true : undefined));
    });

    it("hear each other's events", async () => {
      const ours = listenTo(cluster.play.spawn('event', '--follow', '--json', '--data-dir', cluster.ours[2]!.dataDir));
      const theirs = listenTo(cluster.theirs[2]!.follow('monitor', '-log-level=info'));
      await until('both have heard both', WITHIN_MS, async () => {
        await Promise.all([
          cluster.theirs[0]!.serf('event', '-coalesce=false', 'from-theirs', 'a'),
          cluster.theirs[0]!.serf('event', 'last-of-theirs', 'a'),
          cluster.ours[0]!.mesh('event', 'from-ours', 'b'),
          cluster.ours[0]!.mesh('event', 'last-of-ours', 'b', '--coalesce'),
        ]);
        return ['from-theirs', 'last-of-theirs', 'from-ours', 'last-of-ours'].every((name) => ours.stdout().includes(name) && theirs.stdout().includes(name)) ? true : undefined;
      });
      expect(linesOf(ours.stdout()).find(({ name }) => name === 'from-theirs')).to.include({ type: 'event', payload: 'a', coalesce: false });
      expect(linesOf(ours.stdout()).find(({ name }) => name === 'last-of-theirs')).to.include({ type: 'event', payload: 'a', coalesce: true });
    });

    it("answer each other's queries, those that they are for", async () => {
      cluster.play.spawn('answer', 'load', 'echo', 'ours', '--data-dir', cluster.ours[1]!.dataDir);
      const ask = async (...flags: string[]): Promise<Record<string, unknown>[]> => linesOf((await cluster.ours[0]!.mesh('query', 'load', '--timeout', '2s', '--json', ...flags)).stdout);
      const acks = (items: readonly Record<string, unknown>[]): unknown[] => items.filter(({ type }) => type === 'ack').map(({ from }) => from);
      await eventually('all have heard and answered', () => ask(), (items) => {
        expect(acks(items)).to.have.members(NAMES);
        const answers = items.filter(({ type }) => type === 'response').map(({ from, payload }) => `${String(from)} ${String(payload).trim()}`);
        expect(answers).to.have.members(['s1 theirs', 's2 theirs', 's3 theirs', 'n2 ours']);
      });
      await eventually('only those that are meant hear', () => ask('--tag', 'role=^(theirs2|ours-n3)$', '--relay', '1'), (items) => expect(acks(items)).to.have.members(['s2', 'n3']));
      const theirQuery = async (): Promise<{ Acks: string[]; Responses: Record<string, string> }> => JSON.parse(await cluster.theirs[0]!.serf('query', '-timeout=2s', '-format=json', '-tag=role=ours.*', 'load'));
      await eventually('ours answer a query of theirs', theirQuery, ({ Acks, Responses }) => {
        expect(Acks).to.have.members(['n2', 'n3']);
        expect(Responses['n2']).to.include('ours');
      });
    });

    it('are reached by gossip, and know how far each is', async () => {
      await eventually('all are reached', () => cluster.theirs[0]!.serf('reachability'), (answer) => expect(answer).to.include('Successfully contacted all live nodes'));
      await until('an estimate of theirs', WITHIN_MS, async () => /rtt: [\d.]+ ms/.test(await cluster.theirs[0]!.serf('rtt', 's1', 'n2')) || undefined);
      await until('an estimate of ours', WITHIN_MS, async () => ((await cluster.ours[0]!.mesh('rtt', 's2', 'n3')).code === 0 ? true : undefined));
    });

    it('have nothing to complain of so far', () => {
      expect(cluster.complaints()).to.deep.equal([]);
    });

    it('see one of each side that stands still as dead, and alive again when it goes on', async () => {
      const [s3, n3] = [cluster.theirs[2]!, cluster.ours[2]!];
      const others = [...cluster.theirs.slice(0, 2), ...cluster.ours.slice(0, 2)];
      for (const one of [s3, n3]) one.process.kill('SIGSTOP');
      await cluster.settle({ s3: 'dead', n3: 'dead' }, 2 * WITHIN_MS, others);
      for (const one of [s3, n3]) one.process.kill('SIGCONT');
      await cluster.settle({ s3: 'alive', n3: 'alive', s1: 'alive', n1: 'alive' }, WITHIN_MS, others);
    });

    it('see one of each side that leaves as left, and one that is killed as dead', async () => {
      const [s2, s3] = cluster.theirs.slice(1) as [SerfAgent, SerfAgent];
      const [n2, n3] = cluster.ours.slice(1) as [StartedNode, StartedNode];
      await Promise.all([s3.serf('leave'), n3.kill('SIGTERM'), s2.kill('SIGKILL'), n2.kill('SIGKILL')]);
      const staying = [cluster.theirs[0]!, cluster.ours[0]!];
      await cluster.settle({ s3: 'left', n3: 'left', s2: 'dead', n2: 'dead' }, 2 * WITHIN_MS, staying);
    });

    it('forget who was killed, told so by one of either side', async () => {
      const [s1, n1] = [cluster.theirs[0]!, cluster.ours[0]!];
      expect((await n1.mesh('force-leave', 's2')).code).to.equal(0);
      await s1.serf('force-leave', 'n2');
      await cluster.settle({ s2: 'left', n2: 'left' }, WITHIN_MS, [s1, n1]);
      expect((await n1.mesh('force-leave', 'n2', '--prune')).code).to.equal(0);
      await until('both forget both', WITHIN_MS, async () => {
        // An agent tells it twice, and not again: to the dead as well, who do not pass it on.
        await s1.serf('force-leave', '-prune', 's2');
        const names = Object.keys({ ...(await s1.members()), ...(await ourMembers(n1)) });
        return names.includes('n2') || names.includes('s2') ? undefined : true;
      });
      expect((await n1.mesh('members', 'why', 's2')).stdout).to.include('it is to be forgotten');
    });

    it('complain of nobody but those that were stopped or killed', () => {
      const gone = ['s2', 's3', 'n2', 'n3'];
      const hosts = gone.map((name) => `${cluster.hostOf(name).replaceAll('.', '\\.')}:`);
      const ordinary = new RegExp(`Failed fallback (TCP )?ping: .*(${hosts.join('|')})|Push/Pull with (${gone.join('|')}) failed`);
      expect(cluster.complaints().filter((line) => !ordinary.test(line))).to.deep.equal([]);
    });
  });

  describe(`Serf's agents${which} and our nodes in one cluster that is encrypted`, function () {
    this.timeout(SUITE_MS);
    const [first, second, third] = [16, 32, 24].map((bytes) => randomBytes(bytes).toString('base64')) as [string, string, string];
    let cluster: Cluster;
    before(async function () {
      cluster = new Cluster(release === 'installed' ? 11 : 31, serfOf(release, this));
      await cluster.start(first);
    });
    after(() => cluster?.clear());

    it('change its keys while it runs, asked by one of ours', async () => {
      const [n1] = cluster.ours as [StartedNode];
      for (const [action, key] of [['install', second], ['use', second], ['remove', first]] as const) {
        await eventually(action, () => n1.json<object>('keys', action, key), (answer) => expect(answer).to.deep.equal({ members: 6, answered: 6, refused: [] }));
      }
      await eventually('our list', () => n1.json<object>('keys', 'list'), (answer) => expect(answer).to.deep.include({ keys: [{ key: second, members: 6, primary: 6 }] }));
      await eventually('their list', () => cluster.theirs[0]!.serf('keys', '-list'), (answer) => expect(answer.replaceAll(/ +/g, ' ')).to.include(`${second} [6/6]`).and.not.to.include(first));
    });

    it('change its keys while it runs, asked by one of theirs', async () => {
      const [s1] = cluster.theirs as [SerfAgent];
      for (const flag of [`-install=${third}`, `-use=${third}`, `-remove=${second}`]) {
        await eventually(flag, () => s1.serf('keys', flag), (answer) => expect(answer).to.match(/success/i));
      }
      await eventually('our list', () => cluster.ours[0]!.json<object>('keys', 'list'), (answer) => expect(answer).to.deep.include({ keys: [{ key: third, members: 6, primary: 6 }] }));
      expect((await cluster.ours[0]!.mesh('keys', 'remove', third)).code, 'the key in use').to.equal(1);
    });

    it('goes on as before', async () => {
      await cluster.settle(Object.fromEntries(NAMES.map((name) => [name, 'alive'])), WITHIN_MS);
      await eventually('all are reached', () => cluster.theirs[0]!.serf('reachability'), (answer) => expect(answer).to.include('Successfully contacted all live nodes'));
      expect(cluster.complaints().filter((line) => !line.includes('Keyring') && !line.includes('key'))).to.deep.equal([]);
    });
  });
}
