/** Chaos for people: what would happen, what goes on, what is left. Pure. */
import type { StormProgress__Output } from '../transport/generated/omega/mesh/v1/StormProgress.ts';
import type { FaultLine, ForesightLine, VerdictLine } from './chaos-views.ts';
import { counted } from './counted.ts';
import { formatDuration } from './format-duration.ts';
import { printable } from './paint.ts';
import type { Paint } from './paint.ts';

/** Beyond this a list is for --json. */
const STEPS_SHOWN = 60;

export function formatForesight({ path, steps, decisions, nodeEnds }: ForesightLine, paint: Paint): string[] {
  const shown = steps.slice(0, STEPS_SHOWN).map(({ kind, path: at, afterMs }) => {
    const word = kind === 'stop' ? paint.red('stop ') : paint.green('start');
    return `  ${word}  ${printable(at)}${afterMs === 0 ? '' : paint.dim(`  after ${formatDuration(afterMs)}`)}`;
  });
  const more = steps.length - shown.length;
  return [
    `if ${printable(path)} were killed now:`,
    ...shown,
    ...(more > 0 ? [`  … and ${more} more steps; --json shows all`] : []),
    ...decisions.map(decisionLine),
    nodeEnds === null ? 'the node goes on' : paint.red(`the node ends: ${printable(nodeEnds)}`),
  ];
}

function decisionLine({ supervisor, child, decision, delayMs, budget }: ForesightLine['decisions'][number]): string {
  const { used, intensity, periodMs } = budget;
  const words: Record<string, string> = {
    restart: `restarts ${child}`,
    backoff: `restarts ${child} after ${formatDuration(delayMs)}`,
    stop: `leaves ${child} down`,
    escalate: `gives up over ${child}`,
  };
  const spent = used > intensity ? `more than its ${intensity} restarts` : `${used} of ${intensity} restarts`;
  return printable(`${supervisor} ${words[decision] ?? `${decision} ${child}`}: ${spent} within ${formatDuration(periodMs)}`);
}

const SPARED: Readonly<Record<string, string>> = {
  'no-life': 'it has no life just now',
  occupied: 'another fault goes on there',
  door: "it carries this command's own connection; --force takes it too",
};

export function formatFault(line: FaultLine, paint: Paint): string {
  const path = printable(line.path);
  switch (line.type) {
    case 'begun':
      return `${path}, life ${line.life}: ${printable(line.what)}${line.messages > 0 ? `, ${line.messages} messages in its mailbox` : ''}`;
    case 'over':
      return paint.dim(`${path}, life ${line.life}: over, ${line.why === 'life' ? 'with its life' : 'as long as asked'}`);
    case 'spared':
      return paint.dim(`${path}: left alone, ${SPARED[line.why] ?? printable(line.why)}`);
  }
}

export function formatProgress({ phase, elapsedMs, injected, spared, restarts, running, standing }: StormProgress__Output, paint: Paint): string {
  const what = phase === 'calm' ? paint.dim('calm ') : paint.yellow('storm');
  return `${what} ${formatDuration(elapsedMs)} · ${counted(injected, 'fault')}, ${spared} spared · ${counted(restarts, 'restart')} · ${running} of ${standing} run`;
}

export function formatVerdict(verdict: VerdictLine, paint: Paint): string[] {
  const { held, seed, elapsedMs, checks, recovery, restarts, crashes, escalations, deadLetters, messagesLost, injected, spared } = verdict;
  const width = Math.max(...checks.map(({ promise }) => promise.length));
  const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  return [
    `storm of seed ${seed}: ${held ? paint.green('held') : paint.red('not held')}, ${formatDuration(elapsedMs)}`,
    ...checks.map((check) => `  ${check.held ? paint.green('ok  ') : paint.red('FAIL')} ${check.promise.padEnd(width)}  ${paint.dim(printable(check.detail))}`),
    `injected  ${tally(injected)}`,
    `spared    ${tally(spared)}`,
    `restarts  ${restarts}, after ${counted(crashes, 'crash', 'crashes')}; ${counted(escalations, 'supervisor')} gave up`,
    `recovery  p50 ${ms(recovery.p50Ms)}, p99 ${ms(recovery.p99Ms)}, longest ${ms(recovery.maxMs)}, of ${recovery.count}`,
    `lost      ${counted(messagesLost, 'message')}; ${counted(deadLetters, 'dead letter')}`,
  ];
}

function tally(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([name, count]) => `${printable(name)} ${count}`);
  return words.length === 0 ? 'none' : words.join(', ');
}
