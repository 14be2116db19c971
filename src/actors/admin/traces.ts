/** Traces that operators have running: each has a limit in messages, in pace and in time, and ends with its reader. */
import { MeshError } from '../../errors.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { TraceItem } from '../../transport/generated/omega/mesh/v1/TraceItem.ts';
import type { TraceRequest__Output } from '../../transport/generated/omega/mesh/v1/TraceRequest.ts';
import { traceEntry } from './actor-views.ts';
import type { Operator } from './operator.ts';
import { unknownPath } from './path-faults.ts';

/** Each costs its actor some microseconds a message. */
const TRACES_MAX = 32;
/** Longer than that nobody sits before it. */
const FOR_MAX_MS = 3_600_000;

interface Running {
  readonly sink: AdminSink<TraceItem>;
  readonly stop: () => void;
  shown: number;
  /** Entries for which there was no room. */
  lost: number;
}

export class Traces {
  readonly #running = new Map<string, Running>();

  get size(): number {
    return this.#running.size;
  }

  /** @throws MeshError UNKNOWN_PATH, BAD_ARGUMENT when it would not be bounded, OVERLOADED */
  start(stream: string, { path, messagesMax, perS, forMs }: TraceRequest__Output, sink: AdminSink<TraceItem>, operator: Operator): void {
    if (this.#running.size >= TRACES_MAX) throw new MeshError('OVERLOADED', `${TRACES_MAX} traces are running`, { expected: `at most ${TRACES_MAX}`, todo: 'end one first' });
    if (!(forMs > 0 && forMs <= FOR_MAX_MS)) throw unboundedInTime(forMs);
    let untold = 0;
    const stop = operator.trace(path, {
      messagesMax,
      perS,
      onEntry: (entry) => {
        const running = this.#running.get(stream);
        if (running === undefined) return;
        if (sink.send({ entry: traceEntry(entry, untold) })) {
          untold = 0;
          running.shown++;
        } else {
          untold += 1 + entry.skipped;
          running.lost++;
        }
        if (running.shown + running.lost === messagesMax) this.over(stream, 'max');
      },
    });
    if (stop === undefined) throw unknownPath(path, operator.paths());
    this.#running.set(stream, { sink, stop, shown: 0, lost: 0 });
  }

  /** A limit is reached: the reader is told which. */
  over(stream: string, limit: 'max' | 'time'): void {
    const running = this.#running.get(stream);
    if (running === undefined) return;
    this.end(stream);
    running.sink.send({ over: { limit, shown: running.shown } });
    running.sink.close();
  }

  /** Nobody reads it any more. */
  end(stream: string): void {
    this.#running.get(stream)?.stop();
    this.#running.delete(stream);
  }

  endAll(): void {
    for (const stream of this.#running.keys()) this.end(stream);
  }
}

function unboundedInTime(forMs: number): MeshError {
  return new MeshError('BAD_ARGUMENT', `a trace must be bounded: forMs ${forMs} is not within 1 to ${FOR_MAX_MS}`, {
    given: String(forMs),
    expected: `up to ${FOR_MAX_MS} ms`,
    todo: 'give a time',
  });
}
