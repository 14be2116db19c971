/** An actor of your own under a supervisor: it crashes on a bad message and is back with a fresh state. */
import { ActorSystem, systemClock, systemRandom } from '../src/index.ts';
import type { Behavior, Reply } from '../src/index.ts';

type Message = { readonly kind: 'add'; readonly by: number } | { readonly kind: 'read'; readonly reply: Reply<number> };

const counter: Behavior<number, Message> = {
  init: () => 0,
  receive(sum, message) {
    if (message.kind === 'read') message.reply(sum);
    else if (!Number.isFinite(message.by)) throw new RangeError(`cannot add ${message.by}`);
    else return sum + message.by;
    return sum;
  },
};

const log = { log: (level: string, event: string, fields: object = {}) => void (level === 'error' && console.log(event, JSON.stringify(fields))) };
const system = new ActorSystem({ clock: systemClock, random: systemRandom, log });
await system.start(
  { type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [{ type: 'worker', id: 'counter', start: () => counter }] },
  (reason) => console.log('ended:', reason.kind),
);

const ref = system.ref<Message>('/counter');
const read = (): Promise<number> => ref.ask<number>((reply) => ({ kind: 'read', reply }), 1_000);

ref.send({ kind: 'add', by: 41 });
ref.send({ kind: 'add', by: 1 });
console.log('before the crash:', await read());

ref.send({ kind: 'add', by: Number.NaN });
await read().catch((error: Error) => console.log('asked a dying life:', error.message));
console.log('after the crash:', await read());
console.log('restarts:', system.tree('/counter')?.restarts);
system.stop();
