/** Events as lines of the log: all of a quiet time, of a storm the first few and then how many there were. */
import type { Clock, Timer } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import type { EventType, SupervisionEvent } from './event-log.ts';

/** What an actor in a crash loop says again and again, a thousand times a second if nobody listens. */
const LIMITED: ReadonlySet<EventType> = new Set<EventType>(['crash', 'restart', 'exit', 'shutdown_error']);
const WINDOW_MS = 10_000;
/** Of one type at one path, in a window: enough to see that it is always the same failure. */
const PATH_LINES_MAX = 10;
/** Of all paths together: ten thousand sessions that fail at once are one piece of news. */
const LINES_MAX = 500;
/** Paths that are named when the window is over, those with most first; the others are summed up. */
const SUMMARIES_MAX = 10;

interface Count {
  readonly type: EventType;
  readonly path: string;
  all: number;
  held: number;
}

export class EventLines {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #counts = new Map<string, Count>();
  #written = 0;
  #windowFrom = -Infinity;
  /** Set while something is held back. */
  #windowEnd: Timer | undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  add(event: SupervisionEvent): void {
    if (!LIMITED.has(event.type) || this.#isAllowed(event)) this.#write(event);
  }

  /** Tells what was held back so far. */
  flush(): void {
    this.#windowEnd?.cancel();
    this.#windowEnd = undefined;
    const held = [...this.#counts.values()].filter((count) => count.held > 0).sort((a, b) => b.held - a.held);
    this.#counts.clear();
    this.#written = 0;
    for (const { type, path, held: count, all } of held.slice(0, SUMMARIES_MAX)) {
      this.#log.log(levelOf(type), 'actor-lines-held', { actor: path, type, held: count, of: all, withinMs: WINDOW_MS });
    }
    const rest = held.slice(SUMMARIES_MAX);
    if (rest.length === 0) return;
    this.#log.log('error', 'actor-lines-held', { paths: rest.length, held: rest.reduce((sum, count) => sum + count.held, 0), withinMs: WINDOW_MS });
  }

  #isAllowed({ type, path }: SupervisionEvent): boolean {
    const now = this.#clock.now();
    if (now - this.#windowFrom >= WINDOW_MS) {
      this.flush();
      this.#windowFrom = now;
    }
    const key = `${type} ${path}`;
    const count = this.#counts.get(key) ?? { type, path, all: 0, held: 0 };
    this.#counts.set(key, count);
    count.all++;
    const isAllowed = count.all <= PATH_LINES_MAX && this.#written < LINES_MAX;
    if (isAllowed) this.#written++;
    else count.held++;
    if (!isAllowed) this.#windowEnd ??= this.#clock.setTimer(this.#windowFrom + WINDOW_MS - now, () => this.flush());
    return isAllowed;
  }

  #write(event: SupervisionEvent): void {
    const { type, path: actor, error, life, reason, during, state, supervisor, decision, delayMs, budget } = event;
    const wholeMs = delayMs === undefined ? undefined : Math.round(delayMs);
    const fields = { actor, life, reason, during, state, supervisor, decision, delayMs: wholeMs, budget, stack: error?.stack };
    this.#log.log(levelOf(type), `actor-${type}`, fields);
  }
}

function levelOf(type: EventType): 'error' | 'info' | 'debug' {
  if (type === 'start') return 'debug';
  return type === 'crash' || type === 'escalate' ? 'error' : 'info';
}
