/**
 * A picture of the node on the whole screen, drawn again as it changes, until somebody has seen enough. What is drawn is
 * up to a pure view; here are the screen, the keys, the time and the node.
 */
import { findMeshError } from '../errors.ts';
import type { AdminClient } from '../transport/grpc-client.ts';
import { clipLine } from './clip-line.ts';
import type { Call, Terminal } from './command.ts';
import { DONE } from './exit-code.ts';
import { keysOf } from './keys.ts';
import type { Key } from './keys.ts';
import { watchForStop } from './stop-signal.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export type LiveInput<Sample> =
  | { readonly kind: 'size'; readonly size: ScreenSize }
  | { readonly kind: 'key'; readonly key: Key }
  /** `atMs` is monotonic. */
  | { readonly kind: 'sample'; readonly sample: Sample; readonly atMs: number }
  /** The node did not answer, and is asked again. */
  | { readonly kind: 'trouble'; readonly what: string };

export interface LiveView<State, Sample> {
  readonly start: (size: ScreenSize) => State;
  next(state: State, input: LiveInput<Sample>): State;
  /** At most as many as the screen has rows. */
  lines(state: State): readonly string[];
  readonly sample: (admin: AdminClient) => Promise<Sample>;
}

const PERIOD_MS = 1_000;
/** A node with many actors is not asked so often that answering takes it more than a tenth of its time. */
const SHARE = 10;
/** The door of a node restarts in a second or two. */
const PATIENCE_MS = 6_000;

/** The screen as it was before, its cursor and its line wrap come back at the end. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

/** @throws MeshError what the node answers, or that it does not, once the screen is restored */
export function showLive<State, Sample>(call: Call, terminal: Terminal, view: LiveView<State, Sample>): Promise<number> {
  return call.ask(async (admin) => {
    const stop = watchForStop(call.io);
    const quit = new AbortController();
    const over = AbortSignal.any([stop.signal, quit.signal]);
    let state = view.start(terminal.size());
    let bug: unknown;
    const hear = (inputOf: () => LiveInput<Sample>): void => {
      if (over.aborted) return;
      try {
        state = view.next(state, inputOf());
        draw(terminal, view.lines(state));
      } catch (error) {
        // Told when the screen is restored, where it can be read.
        bug = error;
        quit.abort();
      }
    };
    const forgetKeys = terminal.onInput((typed) => {
      for (const key of keysOf(typed)) {
        if (key === 'quit') quit.abort();
        else hear(() => ({ kind: 'key', key }));
      }
    });
    // After the keys: a job in the background is stopped there, and leaves the screen as it is.
    const leave = terminal.enter(ENTER, LEAVE);
    const forgetSize = terminal.onResize(() => hear(() => ({ kind: 'size', size: terminal.size() })));
    try {
      draw(terminal, view.lines(state));
      await sampleUntil(over, () => view.sample(admin), (input) => hear(() => input));
      if (bug !== undefined) throw bug;
      return DONE;
    } finally {
      forgetSize();
      leave();
      forgetKeys();
      stop.forget();
    }
  });
}

async function sampleUntil<Sample>(over: AbortSignal, ask: () => Promise<Sample>, hear: (input: LiveInput<Sample>) => void): Promise<void> {
  const ended = new Promise<'over'>((resolve) => over.addEventListener('abort', () => resolve('over')));
  let answeredAt = performance.now();
  while (!over.aborted) {
    const askedAt = performance.now();
    let pauseMs = PERIOD_MS;
    try {
      const sample = await Promise.race([ask(), ended]);
      if (sample === 'over') return;
      answeredAt = performance.now();
      hear({ kind: 'sample', sample, atMs: answeredAt });
      const tookMs = performance.now() - askedAt;
      pauseMs = Math.max(PERIOD_MS - tookMs, tookMs * (SHARE - 1));
    } catch (error) {
      const fault = findMeshError(error);
      const isPassing = fault?.code === 'NODE_UNREACHABLE' || fault?.code === 'SESSION_CLOSED';
      if (!isPassing || performance.now() - answeredAt > PATIENCE_MS) throw error;
      hear({ kind: 'trouble', what: `${fault.message}; asking again` });
    }
    await Promise.race([pause(pauseMs, over), ended]);
  }
}

function pause(delayMs: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    over.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

/** Each line is cleared before it is written, so that nothing flickers that stays the same. */
function draw(terminal: Terminal, lines: readonly string[]): void {
  const { columns, rows } = terminal.size();
  const shown = lines.slice(0, rows).map((line) => `\u001b[2K${clipLine(line, columns)}`);
  terminal.write(`\u001b[H${shown.join('\r\n')}${shown.length < rows ? '\r\n\u001b[J' : ''}`);
}
