/** What supervision costs: a message through a cell, and the restart of a child. */
import { dispatch, spawn, start } from 'nact';
import { systemClock } from '../src/clock.ts';
import { silentLog } from '../src/log.ts';
import { seededRandom } from '../src/random.ts';
import type { ActorRef } from '../src/supervision/behavior.ts';
import { ActorSystem } from '../src/supervision/system.ts';
import type { Contender } from './rounds.ts';

const MESSAGES = 200_000;

type Counting = { readonly kind: 'add'; readonly by: number } | { readonly kind: 'done'; readonly reply: (sum: number) => void } | { readonly kind: 'crash' };

function add(sum: number, message: Counting): number {
  if (message.kind === 'add') return sum + message.by;
  if (message.kind === 'done') message.reply(sum);
  if (message.kind === 'crash') throw new Error('asked to');
  return sum;
}

export async function messageContenders(): Promise<readonly Contender[]> {
  const system = new ActorSystem({ clock: systemClock, random: seededRandom(1), log: silentLog });
  const child = { type: 'worker', id: 'counter', start: () => ({ init: () => 0, receive: add }), mailbox: { max: MESSAGES + 1 } } as const;
  await system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [child] }, () => undefined);
  const counter = system.ref<Counting>('/counter');

  // nact's own declarations take any number for an actor and know neither names nor initial states as they are.
  const bare = start({ name: 'bench' } as never) as never;
  const nobody = { type: 'nobody' };
  const nactCounter = spawn(bare, add as never, 'counter', { initialState: 0 } as never) as never;
  const nactSend = dispatch as (actor: never, message: unknown, sender: unknown) => void;

  return [
    {
      name: 'a direct function call',
      run() {
        let sum = 0;
        for (let sent = 0; sent < MESSAGES; sent++) sum = add(sum, { kind: 'add', by: sent & 1 });
        return new Promise((resolve) => add(sum, { kind: 'done', reply: () => resolve(MESSAGES) }));
      },
    },
    {
      name: 'bare nact',
      run() {
        for (let sent = 0; sent < MESSAGES; sent++) nactSend(nactCounter, { kind: 'add', by: sent & 1 }, nobody);
        return new Promise((resolve) => nactSend(nactCounter, { kind: 'done', reply: () => resolve(MESSAGES) }, nobody));
      },
    },
    {
      name: 'a supervised cell',
      run() {
        for (let sent = 0; sent < MESSAGES; sent++) counter.send({ kind: 'add', by: sent & 1 });
        return new Promise((resolve) => counter.send({ kind: 'done', reply: () => resolve(MESSAGES) }));
      },
    },
  ];
}

/** From the send of the fatal message to the new life being up, in microseconds, one restart after the other. */
export async function restartMicros(restarts: number): Promise<readonly number[]> {
  const system = new ActorSystem({ clock: systemClock, random: seededRandom(1), log: silentLog });
  let isUp: () => void = () => undefined;
  const behavior = {
    init: (): number => {
      queueMicrotask(isUp);
      return 0;
    },
    receive: add,
  };
  const child = { type: 'worker', id: 'crasher', start: () => behavior } as const;
  await system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', intensity: restarts + 1, periodMs: 1, children: [child] }, () => undefined);
  const crasher: ActorRef<Counting> = system.ref('/crasher');
  const micros: number[] = [];
  for (let done = 0; done < restarts; done++) {
    const startedAt = performance.now();
    const up = new Promise<void>((resolve) => (isUp = resolve));
    crasher.send({ kind: 'crash' });
    await up;
    micros.push((performance.now() - startedAt) * 1_000);
  }
  return micros;
}
