/**
 * Which operators tail which agents and watch which keys. Pure.
 *
 * 1. A subject is subscribed to as long as somebody tails it, and again on every pulse: a bus that was full or has
 *    restarted knows nothing of it, and one that knows does nothing more.
 * 2. A watch has no hole in it, which would be believed: one that cannot be told everything is closed, and begins anew
 *    when the operator asks again. A tail shows its holes by the numbers of its records.
 * 3. What comes for a stream that is gone was on its way still, or nobody heard that it is gone: it is said again at the
 *    next pulse.
 */
import { MeshError } from '../../errors.ts';
import type { BusDelivery } from '../bus/bus-messages.ts';
import type { RegistryChange, RegistryNews } from '../registry/registry-messages.ts';

/** Streams are numbered by whoever opens them, never the same twice. */
export type StreamsInput =
  | { readonly kind: 'tail'; readonly stream: string; readonly agent: string; readonly subject: string }
  | { readonly kind: 'watch'; readonly stream: string; readonly prefix: string }
  /** It has ended, whoever ended it. */
  | { readonly kind: 'closed'; readonly stream: string }
  /** What was shown last had no room. */
  | { readonly kind: 'not-taken'; readonly stream: string }
  | { readonly kind: 'watch-answered'; readonly stream: string; readonly fault: MeshError | undefined }
  | { readonly kind: 'registry-down' }
  | BusDelivery
  | RegistryNews
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type StreamsEffect =
  | { readonly kind: 'subscribe'; readonly subject: string }
  | { readonly kind: 'unsubscribe'; readonly subject: string }
  /** `watch-answered` must come back, and `registry-down` when the life that was asked has ended. */
  | { readonly kind: 'watch'; readonly stream: string; readonly prefix: string }
  | { readonly kind: 'unwatch'; readonly stream: string }
  | { readonly kind: 'show-telemetry'; readonly streams: readonly string[]; readonly agent: string; readonly delivery: BusDelivery }
  | { readonly kind: 'show-change'; readonly stream: string; readonly change: RegistryChange }
  | { readonly kind: 'close'; readonly stream: string; readonly fault: MeshError };

/** Streams are for people at terminals and a few scripts; each costs the node work at every event. */
const STREAMS_MAX = 256;
/** How long a tail may be deaf after a restart of the bus; each pulse costs one message for each agent that is tailed. */
export const PULSE_MS = 1_000;

interface Tail {
  readonly agent: string;
  readonly streams: Set<string>;
}

export class OperatorStreams {
  /** By subject. */
  readonly #tails = new Map<string, Tail>();
  /** Of each stream that tails. */
  readonly #subjects = new Map<string, string>();
  readonly #watches = new Set<string>();
  /** What to say again, by the subject or stream that it is about. */
  readonly #strays = new Map<string, StreamsEffect>();

  get tailed(): readonly string[] {
    return Array.from(this.#tails.values(), ({ agent }) => agent);
  }

  get watches(): number {
    return this.#watches.size;
  }

  handle(input: StreamsInput): readonly StreamsEffect[] {
    switch (input.kind) {
      case 'tail':
        return this.#isFull ? [full(input.stream)] : this.#tail(input.stream, input.agent, input.subject);
      case 'watch':
        if (this.#isFull) return [full(input.stream)];
        this.#watches.add(input.stream);
        return [{ kind: 'watch', stream: input.stream, prefix: input.prefix }];
      case 'closed':
        if (this.#watches.delete(input.stream)) return [{ kind: 'unwatch', stream: input.stream }];
        return this.#endTail(input.stream);
      case 'not-taken':
        return this.#endWatch(input.stream, new MeshError('OVERLOADED', 'changes came faster than this watch was read', WATCH_AGAIN));
      case 'watch-answered':
        return input.fault === undefined ? [] : this.#endWatch(input.stream, input.fault);
      case 'registry-down': {
        const fault = new MeshError('OVERLOADED', 'the registry has restarted, and this watch missed what changed meanwhile', WATCH_AGAIN);
        return [...this.#watches].flatMap((stream) => this.#endWatch(stream, fault));
      }
      case 'bus-delivery':
        return this.#showTelemetry(input);
      case 'registry-news': {
        const { watch: stream, change } = input;
        if (this.#watches.has(stream)) return [{ kind: 'show-change', stream, change }];
        this.#strays.set(stream, { kind: 'unwatch', stream });
        return [];
      }
      case 'pulse':
        return this.#pulse();
    }
  }

  get #isFull(): boolean {
    return this.#subjects.size + this.#watches.size >= STREAMS_MAX;
  }

  #tail(stream: string, agent: string, subject: string): readonly StreamsEffect[] {
    const tail = this.#tails.get(subject) ?? { agent, streams: new Set() };
    tail.streams.add(stream);
    this.#tails.set(subject, tail);
    this.#subjects.set(stream, subject);
    this.#strays.delete(subject);
    return [{ kind: 'subscribe', subject }];
  }

  #endTail(stream: string): readonly StreamsEffect[] {
    const subject = this.#subjects.get(stream);
    const tail = subject === undefined ? undefined : this.#tails.get(subject);
    if (subject === undefined || tail === undefined) return [];
    this.#subjects.delete(stream);
    tail.streams.delete(stream);
    if (tail.streams.size > 0) return [];
    this.#tails.delete(subject);
    return [{ kind: 'unsubscribe', subject }];
  }

  #endWatch(stream: string, fault: MeshError): readonly StreamsEffect[] {
    if (!this.#watches.delete(stream)) return [];
    return [
      { kind: 'unwatch', stream },
      { kind: 'close', stream, fault },
    ];
  }

  #showTelemetry(delivery: BusDelivery): readonly StreamsEffect[] {
    const { subject } = delivery;
    const tail = this.#tails.get(subject);
    if (tail !== undefined) return [{ kind: 'show-telemetry', streams: [...tail.streams], agent: tail.agent, delivery }];
    this.#strays.set(subject, { kind: 'unsubscribe', subject });
    return [];
  }

  #pulse(): readonly StreamsEffect[] {
    const strays = [...this.#strays.values()];
    this.#strays.clear();
    return [...strays, ...Array.from(this.#tails.keys(), (subject): StreamsEffect => ({ kind: 'subscribe', subject }))];
  }
}

const WATCH_AGAIN = { todo: 'watch again; it begins with all entries' };

function full(stream: string): StreamsEffect {
  const fault = new MeshError('OVERLOADED', `${STREAMS_MAX} operator streams are open`, { expected: `at most ${STREAMS_MAX}`, todo: 'close one first' });
  return { kind: 'close', stream, fault };
}
