/** What runs in the thread of an actor: loads its module, runs its life, and lets the main thread see that it turns. */
import { parentPort, workerData } from 'node:worker_threads';
import { getHeapStatistics } from 'node:v8';
import { attributeFailures } from '../attribution.ts';
import type { AnyBehavior } from '../cell-host.ts';
import { ThreadLife } from './thread-cell.ts';
import { ThreadGauge } from './thread-gauge.ts';
import type { ThreadStart, ToThread } from './thread-messages.ts';
import { ThreadOutbox } from './thread-outbox.ts';
import { OUT_OF_MEMORY, threadError } from './thread-error.ts';

const start = workerData as ThreadStart;
const port = parentPort!;
const gauge = new ThreadGauge(start.memory);
const outbox = new ThreadOutbox(start.path, port, gauge);

setInterval(() => {
  gauge.pulse();
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics();
  // V8 ends a thread whose heap grows too large; what lies outside of the heap is nobody's if not ours.
  if (heap + buffers <= start.memoryBytesMax) return;
  outbox.post({ kind: 'ended', reason: { kind: 'error', error: threadError(OUT_OF_MEMORY, `its heap and buffers hold ${Math.round((heap + buffers) / 2 ** 20)} MiB`) }, during: 'idle', heard: Infinity });
}, start.pulseMs);

const exports = (await import(start.module)) as Readonly<Record<string, unknown>>;
// From here on it may hang, in the first message already.
gauge.pulse();
const life = new ThreadLife(start.path, start.life, makeBehavior, outbox, gauge);
attributeFailures((error) => life.fail(error));
port.on('message', (message: ToThread) => act(message));

function makeBehavior(): AnyBehavior {
  const make = exports[start.exportName];
  if (typeof make !== 'function') {
    throw new TypeError(`${start.module} exports ${Object.keys(exports).join(', ') || 'nothing'}, and no function ${start.exportName} that makes a behavior`);
  }
  return (make as (argument: unknown) => AnyBehavior)(outbox.unpack(start.argument));
}

function act(message: ToThread): void {
  switch (message.kind) {
    case 'message':
      return life.deliver(outbox.unpack(message.crossing));
    case 'signal':
      return life.hear(message.signal);
    case 'answer':
      return outbox.answered(message.id, outbox.unpack(message.crossing));
    case 'unanswered':
      return outbox.unanswered(message.id, message.failure, message.why);
    case 'offered':
      return outbox.answered(message.id, message.outcome);
  }
}
