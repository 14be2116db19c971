/** What the lives of supervised children cost: to start, to restart one by one and all at once, to keep. */
import { ActorSystem, seededRandom, systemClock } from 'omega-mesh';
import type { ActorRef, Behavior, MailboxSpec, SupervisorMessage } from 'omega-mesh';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { median } from './rounds.ts';

const CHILDREN = 10_000;
const MANY = 100_000;
const RESTARTS = 6_000;
/** Until the compiler has seen enough of a restart. */
const WARM_UP = 3_000;
/** The supervisor's mailbox holds ten thousand requests. */
const BURST = 5_000;
/** A child's start has a limit of 5 s; its timer is part of the child until then. */
const STARTS_SETTLED_MS = 5_500;

type Lane = NonNullable<MailboxSpec['lane']>;
type Does = 'crash';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** One for all children, as a program has it: what is measured is the runtime. */
function behaviorOf(isUp: () => void): Behavior<number, Does> {
  return {
    init() {
      isUp();
      return 0;
    },
    receive() {
      throw new Error('asked to');
    },
  };
}

async function turnsUntil(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => void setImmediate(resolve));
}

interface Crowd {
  readonly system: ActorSystem;
  readonly cpuMicros: number;
  /** Stops all of it, so that it is not in the memory of the next. */
  dismiss(): Promise<void>;
}

/** So many children of one dynamic supervisor, and what a start cost. */
async function crowd(count: number, lane: Lane, isUp: () => void = () => undefined): Promise<Crowd> {
  const behavior = behaviorOf(isUp);
  const flags = { type: 'worker', start: () => behavior, mailbox: { lane } } as const;
  const system = new ActorSystem({ clock: systemClock, random: seededRandom(1), log: { log: () => undefined } });
  // A budget that is never used up: fewer than a hundred restarts fit into a millisecond.
  const limits = { intensity: 100, periodMs: 1, childrenMax: MANY };
  let isOver = false;
  await system.start({ type: 'supervisor', id: 'root', strategy: 'dynamic', ...limits }, () => void (isOver = true));
  const root = system.ref<SupervisorMessage>('/');
  const before = process.cpuUsage();
  let started = 0;
  for (let asked = 0; asked < count; ) {
    for (const until = Math.min(count, asked + BURST); asked < until; asked++) {
      root.send({ kind: 'start-child', spec: { id: `c${asked}`, ...flags }, reply: () => void started++ });
    }
    const upTo = asked;
    await turnsUntil(() => started === upTo);
  }
  const { user, system: kernel } = process.cpuUsage(before);
  const dismiss = async (): Promise<void> => {
    system.stop();
    await turnsUntil(() => isOver);
    collect();
  };
  return { system, cpuMicros: (user + kernel) / count, dismiss };
}

/** CPU microseconds for each start of ten thousand. */
export async function startMicros(lane: Lane): Promise<number> {
  const micros: number[] = [];
  for (let round = 0; round < 5; round++) {
    const { cpuMicros, dismiss } = await crowd(CHILDREN, lane);
    micros.push(cpuMicros);
    await dismiss();
  }
  return median(micros);
}

/** From the send of the fatal message to the new life's init, in microseconds, one restart after the other. */
export async function restartMicros(lane: Lane): Promise<readonly number[]> {
  let isUp: () => void = () => undefined;
  const { system } = await crowd(1, lane, () => isUp());
  const crasher: ActorRef<Does> = system.ref('/c0');
  const micros: number[] = [];
  for (let done = 0; done < WARM_UP + RESTARTS; done++) {
    const startedAt = performance.now();
    const up = new Promise<void>((resolve) => (isUp = resolve));
    crasher.send('crash');
    await up;
    if (done >= WARM_UP) micros.push((performance.now() - startedAt) * 1_000);
  }
  return micros;
}

/** Milliseconds until all of ten thousand run again that crashed at once. */
export async function stormMs(lane: Lane): Promise<number> {
  const millis: number[] = [];
  for (let round = 0; round < 3; round++) {
    let up = 0;
    const { system, dismiss } = await crowd(CHILDREN, lane, () => void up++);
    collect();
    up = 0;
    const startedAt = performance.now();
    for (let number = 0; number < CHILDREN; number++) system.ref<Does>(`/c${number}`).send('crash');
    await turnsUntil(() => up === CHILDREN);
    millis.push(performance.now() - startedAt);
    await dismiss();
  }
  return median(millis);
}

/** Bytes of heap for each of a hundred thousand children. */
export async function childBytes(lane: Lane): Promise<number> {
  collect();
  const before = process.memoryUsage().heapUsed;
  const { system, dismiss } = await crowd(MANY, lane);
  await new Promise((resolve) => setTimeout(resolve, STARTS_SETTLED_MS));
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / MANY;
  if (system.find('/c0')?.isAlive !== true) throw new Error('the children did not stay');
  await dismiss();
  return bytes;
}
