/** What is done with both sides, in turn or at once, and what comes of it. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { ProfileName } from '../../src/actors/membership/profile.ts';
import { falseAlarms, joinMs, killFigures, leaveMs, type FalseAlarms, type KillFigures } from './judge.ts';
import { Network } from './network.ts';
import type { Programs } from './programs.ts';
import { Side } from './side.ts';

export interface Plan {
  /** Sizes of the mesh. */
  readonly nodes: readonly number[];
  /** Joins of each size; every second of them goes on with a goodbye and a death. */
  readonly rounds: number;
  /** Of loss, and of busy cores; half of them of idleness. */
  readonly seconds: number;
  readonly profile: ProfileName;
}

/** Of one size of one side. */
export interface Figures {
  /** Infinity where not all knew all when the patience was over. */
  readonly joinMs: number[];
  readonly leaveMs: number[];
  readonly kills: KillFigures[];
  idle: Idleness | undefined;
  /** Undefined where the network is not its own, and for all but the largest size. */
  lossy: FalseAlarms | undefined;
  busy: FalseAlarms | undefined;
}

interface Idleness {
  /** For each node and second; NaN where the network is not its own. */
  readonly udpBytes: number;
  /** Percent of a core for each node. */
  readonly cpuPercent: number;
}

export type Measured = Readonly<Record<keyof Programs, Figures>>;

type Sides = Readonly<Record<keyof Programs, Side>>;

const LOSS_PERCENT = 20;
const READY_MS = 30_000;
/** Gossip that missed somebody is repaired by push/pull: two rounds of it, in the profile that has the longest. */
const PATIENCE_MS = 120_000;
/** Rumours of what was before have died down. */
const SETTLE_MS = 1_000;
/** The same before what is counted over a long time. */
const QUIET_MS = 10_000;
const SIDES = ['theirs', 'ours'] as const;

export class Bench {
  readonly #plan: Plan;
  readonly #programs: Programs;
  readonly #say: (line: string) => void;
  readonly #networks: Readonly<Record<keyof Programs, Network>>;
  readonly #running = new Set<Side>();

  constructor(plan: Plan, programs: Programs, say: (line: string) => void) {
    this.#plan = plan;
    this.#programs = programs;
    this.#say = say;
    this.#networks = { theirs: Network.make(`bench-theirs-${process.pid}`), ours: Network.make(`bench-ours-${process.pid}`) };
  }

  get isIsolated(): boolean {
    return SIDES.every((of) => this.#networks[of].isOwn);
  }

  /** By size. */
  async measure(): Promise<ReadonlyMap<number, Measured>> {
    const measured = new Map<number, Measured>();
    for (const nodes of this.#plan.nodes) {
      const figures = { theirs: noFigures(), ours: noFigures() };
      measured.set(nodes, figures);
      await this.#withBoth(nodes, async (sides) => {
        for (let round = 0; round < this.#plan.rounds; round++) await this.#round(sides, round, figures);
        await this.#idle(sides, figures);
      });
    }
    const most = Math.max(...this.#plan.nodes);
    await this.#lossy(most, measured.get(most)!);
    await this.#busy(most, measured.get(most)!);
    return measured;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#running].map((side) => side.end()));
    for (const side of SIDES) this.#networks[side].remove();
  }

  async #round(sides: Sides, round: number, figures: Measured): Promise<void> {
    for (const of of SIDES) {
      const { joinMs: joins, leaveMs: leaves, kills } = figures[of];
      const { nodes } = sides[of];
      const side = sides[of];
      const joined = await this.#join(side);
      joins.push(joined ?? Infinity);
      const told = [`all know all ${inSeconds(joined)}`];
      if (joined !== undefined && round % 2 === 0) {
        const left = await this.#leave(side, `n${2 + (round % (nodes - 2))}`);
        if (left !== undefined) leaves.push(left);
        const killed = await this.#kill(side, `n${3 + (round % (nodes - 2))}`);
        if (killed !== undefined) kills.push(killed);
        told.push(`goodbye ${inSeconds(left)}`, `death suspected ${inSeconds(killed?.suspectedMs)}, certain ${inSeconds(killed?.deadMs)}, known ${inSeconds(killed?.allKnowMs)}`);
      }
      this.#say(`${nodes} nodes, round ${round + 1} of ${this.#plan.rounds}, ${of}: ${told.join('; ')}`);
    }
  }

  /** Both at once, as in what follows: what else the machine does is then the same for both. */
  async #idle(sides: Sides, figures: Measured): Promise<void> {
    const seconds = this.#plan.seconds / 2;
    const { nodes } = sides.ours;
    this.#say(`${nodes} nodes, ${seconds} s of nothing`);
    await this.#watch(sides, async (side, of) => {
      const [cpuMs, udpBytes] = [side.cpuMs, side.network.udpBytes];
      await pause(seconds * 1_000);
      const each = nodes * seconds;
      figures[of].idle = { udpBytes: (side.network.udpBytes - udpBytes) / each, cpuPercent: (side.cpuMs - cpuMs) / 10 / each };
    });
  }

  async #lossy(nodes: number, figures: Measured): Promise<void> {
    if (!this.isIsolated) return;
    const { seconds } = this.#plan;
    this.#say(`${nodes} nodes, ${seconds} s in which ${LOSS_PERCENT} % of UDP and TCP are lost`);
    await this.#withBoth(nodes, (sides) => this.#watch(sides, async (side, of) => {
      side.network.lose(LOSS_PERCENT);
      figures[of].lossy = await this.#alarms(side, seconds);
      side.network.loseNothing();
    }));
  }

  async #busy(nodes: number, figures: Measured): Promise<void> {
    const { seconds } = this.#plan;
    const cores = availableParallelism();
    this.#say(`${nodes} nodes, ${seconds} s in which ${cores} processes keep ${cores} cores busy`);
    const spinning = Array.from({ length: cores }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    try {
      await this.#withBoth(nodes, (sides) => this.#watch(sides, async (side, of) => {
        figures[of].busy = await this.#alarms(side, seconds);
      }));
    } finally {
      for (const one of spinning) one.kill('SIGKILL');
    }
  }

  async #alarms(side: Side, seconds: number): Promise<FalseAlarms> {
    const before = side.happened.length;
    await pause(seconds * 1_000);
    return falseAlarms(side.happened.slice(before));
  }

  async #withBoth(nodes: number, work: (sides: Sides) => Promise<void>): Promise<void> {
    const sides = { theirs: this.#start('theirs', nodes), ours: this.#start('ours', nodes) };
    await work(sides);
    for (const of of SIDES) await this.#end(sides[of]);
  }

  async #watch(sides: Sides, watch: (side: Side, of: keyof Programs) => Promise<void>): Promise<void> {
    await Promise.all(SIDES.map((of) => this.#join(sides[of])));
    await pause(QUIET_MS);
    await Promise.all(SIDES.map((of) => watch(sides[of], of)));
  }

  async #join(side: Side): Promise<number | undefined> {
    side.begin();
    const ready = await side.until((happened) => happened.find(({ what }) => what === 'ready'), READY_MS);
    if (ready === undefined) throw new Error(`a side is not ready within ${READY_MS / 1_000} s`);
    side.order('join');
    return side.until((happened) => joinMs(happened, side.nodes), PATIENCE_MS);
  }

  async #leave(side: Side, name: string): Promise<number | undefined> {
    await pause(SETTLE_MS);
    side.order('leave', name);
    return side.until((happened) => leaveMs(happened, side.nodes - 1), PATIENCE_MS);
  }

  async #kill(side: Side, name: string): Promise<KillFigures | undefined> {
    await pause(SETTLE_MS);
    side.order('kill', name);
    return side.until((happened) => killFigures(happened, side.nodes - 2), PATIENCE_MS);
  }

  #start(of: keyof Programs, nodes: number): Side {
    const side = new Side(this.#programs[of], this.#networks[of], nodes, this.#plan.profile);
    this.#running.add(side);
    return side;
  }

  async #end(side: Side): Promise<void> {
    await side.end();
    this.#running.delete(side);
  }
}

function noFigures(): Figures {
  return { joinMs: [], leaveMs: [], kills: [], idle: undefined, lossy: undefined, busy: undefined };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function inSeconds(ms: number | undefined): string {
  return ms === undefined ? `not within ${PATIENCE_MS / 1_000} s` : `${(ms / 1_000).toFixed(2)} s`;
}
