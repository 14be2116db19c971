/** The thread of the watchdog: looks at the main thread's beats, tells of a stall, and ends what does not turn again. */
import { appendFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { peoplesLine } from '../../log-line.ts';
import { lookEveryMs, StallJudge } from './stall-judge.ts';
import type { Verdict } from './stall-judge.ts';
import { exitOnMainThread, lookAtMainThread } from './stalled-thread.ts';
import type { Sight } from './stalled-thread.ts';
import { TurnMark } from './turn-mark.ts';
import type { MarkedTurn } from './turn-mark.ts';
import { STALL_EXIT_CODE } from './watchdog-messages.ts';
import type { LoopLag, WatchdogStart } from './watchdog-messages.ts';

const STDERR = 2;

const start = workerData as WatchdogStart;
const mark = new TurnMark(start.memory);
const judge = new StallJudge(start);
/** In whose turn the present stall began. */
let stalledTurn: MarkedTurn | undefined;

let isActing = false;

setInterval(() => {
  if (!isActing) void look();
}, lookEveryMs(start));

async function look(): Promise<void> {
  const verdict = judge.look(mark.beats, mark.isDebugged, performance.now());
  if (verdict === undefined) return;
  isActing = true;
  await act(verdict);
  isActing = false;
  judge.acted(performance.now());
}

async function act(verdict: Verdict): Promise<void> {
  const stalledMs = Math.round(verdict.stalledMs);
  mark.isDegraded = verdict.kind !== 'recovered';
  if (verdict.kind === 'recovered') {
    // A port to another thread has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    parentPort?.postMessage({ stalledMs, turn: stalledTurn } satisfies LoopLag);
    stalledTurn = undefined;
    return;
  }
  // Read before anything is awaited: it is the truth only while the loop stands still.
  const turn = mark.turn;
  stalledTurn = turn ?? stalledTurn;
  const sight = await lookAtMainThread();
  // A handler that went on after an await has no turn of its own; its code knows whose it is.
  stalledTurn = turn ?? sight?.culprit ?? stalledTurn;
  if (verdict.kind === 'degraded') return say('warn', 'degraded', { stalledMs, ...sight });
  await giveUp(stalledMs, sight);
}

async function giveUp(stalledMs: number, sight: Sight | undefined): Promise<void> {
  say('error', 'loop-stalled', { stalledMs, exitCode: STALL_EXIT_CODE, report: start.reportFile, ...sight });
  report(stalledMs, sight);
  await exitOnMainThread(STALL_EXIT_CODE);
  // A native call has the main thread, and no other thread can choose the exit code: a signal that leaves a core does it.
  process.kill(process.pid, 'SIGABRT');
}

function report(stalledMs: number, sight: Sight | undefined): void {
  const facts = { at: new Date().toISOString(), node: start.sinks?.node, pid: process.pid, stalledMs, actor: stalledTurn?.path, life: stalledTurn?.life, stack: sight?.stack };
  const draft = `${start.reportFile}.draft`;
  attempt(() => {
    writeFileSync(draft, `${JSON.stringify(facts, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(draft, start.reportFile);
  });
}

/** To the same places and in the same form as the node's own log, which cannot speak now. */
function say(level: 'warn' | 'error', event: string, { stack, stalledMs, ...fields }: { stalledMs: number; exitCode?: number; report?: string } & Partial<Sight>): void {
  const { sinks } = start;
  if (sinks === undefined || (level === 'warn' && sinks.level === 'error')) return;
  const { culprit: _culprit, ...others } = fields;
  const fact = { level, message: event, event, node: sinks.node, actor: stalledTurn?.path, life: stalledTurn?.life, stalledMs, ...others, at: stack?.[0], stack: stack?.join('\n') };
  const now = new Date();
  if (sinks.stderr) attempt(() => writeSync(STDERR, `${peoplesLine(fact, now, sinks.colour)}\n`));
  const { file } = sinks;
  if (file !== undefined) attempt(() => appendFileSync(file, `${JSON.stringify({ ...fact, timestamp: now.toISOString() })}\n`));
}

/** A full disk or a closed pipe must not keep it from what it is there for. */
function attempt(write: () => void): void {
  try {
    write();
  } catch {
    // There is nowhere else to say so.
  }
}
