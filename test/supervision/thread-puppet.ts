/** What the actors of the thread tests do in their threads. Orders are data: functions do not cross. */
import { IGNORE } from '../../src/supervision/behavior.ts';
import type { ActorRef, AskError, Behavior, Reply } from '../../src/supervision/behavior.ts';

export type ThreadOrder =
  | { readonly kind: 'add'; readonly by: number }
  | { readonly kind: 'read'; readonly reply: Reply<number> }
  | { readonly kind: 'echo'; readonly value: unknown; readonly reply: Reply<unknown> }
  | { readonly kind: 'answer-with-function'; readonly reply: Reply<unknown> }
  | { readonly kind: 'keep-silent'; readonly reply: Reply<unknown> }
  | { readonly kind: 'throw' | 'throw-later' | 'reject-later' | 'loop' | 'loop-later' | 'await-forever' | 'fill-heap' | 'fill-table' | 'fill-buffers' | 'exit-process' | 'leave' | 'leave-later' | 'tick' }
  | { readonly kind: 'await'; readonly forMs: number; readonly reply: Reply<number> }
  | { readonly kind: 'spin'; readonly forMs: number }
  | { readonly kind: 'tell'; readonly to: ActorRef<unknown>; readonly what: unknown }
  | { readonly kind: 'offer'; readonly to: ActorRef<unknown>; readonly reply: Reply<string> }
  | { readonly kind: 'ask'; readonly whom: ActorRef<{ kind: 'question'; reply: Reply<unknown> }>; readonly timeoutMs: number; readonly reply: Reply<unknown> }
  | { readonly kind: 'forward'; readonly to: ActorRef<unknown>; readonly reply: Reply<unknown> }
  | { readonly kind: 'monitor' | 'link'; readonly ref: ActorRef<never> }
  | { readonly kind: 'timer'; readonly delayMs: number }
  | { readonly kind: 'send-function'; readonly to: ActorRef<unknown>; readonly reply: Reply<string> }
  | { readonly kind: 'log' }
  | { readonly kind: 'tell-self' | 'flood-self' }
  /** Only from itself: a function does not cross. */
  | { readonly kind: 'run'; readonly act: () => void };

export interface ThreadArgument {
  /** Hears `+life` and `-reason`, what is signalled and ticks. */
  readonly witness?: ActorRef<string>;
  readonly init?: 'throw' | 'ignore' | 'loop' | 'never';
  readonly terminate?: 'never' | 'throw';
  readonly trapsStop?: boolean;
}

const later = (act: () => void): void => void setTimeout(act, 1);

export function puppet({ witness, init, terminate, trapsStop = false }: ThreadArgument = {}): Behavior<number, ThreadOrder> {
  return {
    trapsStop,
    async init(context) {
      witness?.send(`+${context.life}`);
      if (init === 'throw') throw new RangeError('no start');
      if (init === 'ignore') return IGNORE;
      if (init === 'never') return new Promise(() => undefined);
      if (init === 'loop') for (;;);
      return 0;
    },
    receive: (sum, order, context) => {
      switch (order.kind) {
        case 'add':
          return sum + order.by;
        case 'read':
          order.reply(sum);
          return sum;
        case 'echo':
          order.reply(order.value);
          return sum;
        case 'answer-with-function':
          order.reply({ undo: () => 1 });
          return sum;
        case 'keep-silent':
          return sum;
        case 'throw':
          throw new RangeError('boom', { cause: new Error('deep') });
        case 'throw-later':
          later(() => {
            throw new RangeError('late boom');
          });
          return sum;
        case 'reject-later':
          later(() => void Promise.reject(new RangeError('late rejection')));
          return sum;
        case 'loop':
          for (;;);
        case 'loop-later':
          later(() => {
            for (;;);
          });
          return sum;
        case 'await-forever':
          return new Promise(() => undefined);
        case 'fill-heap': {
          const kept: unknown[] = [];
          for (;;) kept.push(Array.from({ length: 10_000 }, (_, at) => ({ at })));
        }
        case 'fill-table': {
          const kept = new Set<string>();
          for (let at = 0; ; at++) kept.add(`item ${at}`);
        }
        case 'fill-buffers': {
          const kept: Buffer[] = [];
          const fill = (): void => {
            kept.push(Buffer.alloc(2 ** 20, 1));
            setTimeout(fill, 1);
          };
          fill();
          return sum;
        }
        case 'exit-process':
          return process.exit(3);
        case 'leave':
          context.exit({ kind: 'shutdown', info: 'done' });
          return sum;
        case 'leave-later':
          setImmediate(() => context.exit({ kind: 'shutdown', info: 'done' }));
          return sum;
        case 'tick':
          witness?.send('tick');
          return sum;
        case 'await':
          return new Promise((resolve) =>
            setTimeout(() => {
              order.reply(sum);
              resolve(sum);
            }, order.forMs),
          );
        case 'spin':
          for (const until = performance.now() + order.forMs; performance.now() < until; );
          return sum;
        case 'tell':
          order.to.send(order.what);
          return sum;
        case 'offer':
          return order.to.offer('offered').then((outcome) => {
            order.reply(outcome);
            return sum;
          });
        case 'ask':
          return order.whom.ask<unknown>((reply) => ({ kind: 'question', reply }), order.timeoutMs).then(
            (answer) => (order.reply(answer), sum),
            (error: AskError) => (order.reply(`${error.failure} ${error.path}`), sum),
          );
        case 'forward':
          order.to.send({ kind: 'question', reply: order.reply });
          return sum;
        case 'monitor':
          context.monitor(order.ref);
          return sum;
        case 'link':
          context.link(order.ref);
          return sum;
        case 'timer':
          context.setTimer('tick', order.delayMs, { kind: 'tick' });
          return sum;
        case 'send-function':
          order.reply(order.to.send({ undo: () => 1 }));
          return sum;
        case 'log':
          context.log.log('info', 'hello', { colour: 'blue' });
          return sum;
        case 'tell-self':
          context.self.send({ kind: 'run', act: () => witness?.send('ran') });
          return sum;
        case 'run':
          order.act();
          return sum;
        case 'flood-self':
          for (let sent = 0; ; sent++) if (context.self.send({ kind: 'add', by: 1 }) !== 'accepted') return sent;
      }
    },
    signal(sum, signal, context) {
      witness?.send(`${signal.kind} ${'path' in signal ? signal.path : ''}`.trim());
      if (signal.kind === 'stop') context.exit({ kind: 'shutdown', info: 'wound up' });
      return sum;
    },
    terminate(_sum, reason) {
      if (terminate === 'throw') throw new Error('no end');
      witness?.send(`-${reason.kind}`);
      return terminate === 'never' ? new Promise(() => undefined) : undefined;
    },
    view: (sum) => ({ sum }),
    describe: (order) => `order ${order.kind}`,
  };
}

export const notAFunction = 1;
