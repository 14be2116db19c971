/** What a message to a supervised actor costs, in bursts: against nact alone and against no actor at all. */
import { dispatch, spawn, start } from 'nact';
import { ActorSystem, seededRandom, systemClock } from 'omega-mesh';
import type { MailboxSpec } from 'omega-mesh';
import type { Contender } from './rounds.ts';

const MESSAGES = 200_000;

type Counting = { readonly kind: 'add'; readonly by: number } | { readonly kind: 'done'; readonly reply: (sum: number) => void };

function add(sum: number, message: Counting): number {
  if (message.kind === 'add') return sum + message.by;
  message.reply(sum);
  return sum;
}

export async function messageContenders(): Promise<readonly Contender[]> {
  const system = new ActorSystem({ clock: systemClock, random: seededRandom(1), log: { log: () => undefined } });
  const counter = (lane: NonNullable<MailboxSpec['lane']>) =>
    ({ type: 'worker', id: lane, start: () => ({ init: () => 0, receive: add }), mailbox: { lane, max: MESSAGES + 1 } }) as const;
  await system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [counter('turn'), counter('queue')] }, () => undefined);
  const cell = (lane: string): Contender => ({
    name: `a supervised cell, lane ${lane}`,
    run() {
      const ref = system.ref<Counting>(`/${lane}`);
      for (let sent = 0; sent < MESSAGES; sent++) ref.send({ kind: 'add', by: sent & 1 });
      return new Promise((resolve) => ref.send({ kind: 'done', reply: () => resolve(MESSAGES) }));
    },
  });

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
    cell('turn'),
    cell('queue'),
  ];
}
