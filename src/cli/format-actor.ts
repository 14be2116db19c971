/** One actor, its state, its messages and those that did not reach it, for people. Pure. */
import type { ActorLine, ErrorLine, LetterLine, StateLine, TraceLine } from './actor-views.ts';
import { counted } from './counted.ts';
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import { paintStatus, printable, type Paint } from './paint.ts';

export function formatActor(actor: ActorLine, paint: Paint): string[] {
  const facts: [name: string, value: string | undefined][] = [
    ['actor', `${printable(actor.path)}, ${actor.type}`],
    ['status', `${paintStatus(actor.status, paint)}, life ${actor.life}${actor.uptimeMs > 0 ? `, up ${formatDuration(actor.uptimeMs)}` : ''}`],
    ['restarts', `${actor.restarts}, after ${counted(actor.crashes, 'crash', 'crashes')}`],
    ['rules', rules(actor)],
    ['budget', budget(actor.budget, actor.budget?.isShared === true ? ', shared with its siblings' : ', its own')],
    ['children', actor.children === null ? undefined : children(actor)],
    ['mailbox', mailbox(actor, paint)],
    ['work', `${counted(actor.processed, 'message')}, ${actor.ratePerS}/s, busy ${formatSpan(actor.busyMs)} in all, last turn ${formatSpan(actor.lastTurnMs)}`],
    ['bonds', `watched by ${actor.watchers}, watches ${actor.watched}, ${counted(actor.links, 'link')}`],
    ['isolation', actor.isolation === 'none' ? `none, lane ${actor.lane}` : `a ${actor.isolation} of its own`],
    ['zombies', actor.zombies === 0 ? '0' : paint.yellow(`${actor.zombies}: handlers of ended lives that are not done`)],
    ['last end', actor.lastEnd === null ? undefined : printable(actor.lastEnd)],
    ['last error', actor.lastError === null || actor.lastError.message === actor.lastEnd ? undefined : paint.red(errorWords(actor.lastError))],
  ];
  const shown = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${paint.dim(name.padEnd(width))}  ${value}`);
}

/** As JSON over several lines; as it came where it was cut off. */
export function formatState({ isCut, state }: StateLine): string[] {
  const text = isCut ? String(state) : (JSON.stringify(state, undefined, 2) ?? 'null');
  return text.split('\n').map(printable);
}

export function formatTrace({ at, life, message, outcome, tookUs, skipped }: TraceLine, paint: Paint): string {
  const gap = skipped === 0 ? '' : paint.yellow(`  (${skipped} before it came too fast to show)`);
  const done = outcome === 'threw' ? paint.red(outcome.padEnd(6)) : outcome.padEnd(6);
  return `${paint.dim(at.slice(at.indexOf('T') + 1))}  ${done}  ${String(tookUs).padStart(7)} µs  life ${life}  ${printable(message)}${gap}`;
}

export function formatLetters(letters: readonly LetterLine[], paint: Paint, width: number | undefined): string[] {
  return formatTable(
    [{ head: 'NUMBER', align: 'right' }, { head: 'TIME' }, { head: 'ACTOR' }, { head: 'REASON' }, { head: 'MESSAGE', cutTo: Infinity }, { head: 'REPLAY' }],
    letters.map(({ sequence, at, path, reason, message, withheld }) => [
      String(sequence),
      at,
      printable(path),
      paint.yellow(reason),
      printable(message),
      withheld === null ? paint.green('yes') : paint.dim(`no: ${withheld}`),
    ]),
    paint,
    width,
  );
}

function rules({ restart, shutdown, startTimeoutMs, significant }: ActorLine): string {
  const stop = typeof shutdown === 'number' ? `${formatDuration(shutdown)} to stop` : { brutal_kill: 'killed to stop', infinity: 'as long as it takes to stop' }[shutdown] ?? shutdown;
  return [restart, ...(significant ? ['significant'] : []), stop, ...(startTimeoutMs === null ? [] : [`${formatDuration(startTimeoutMs)} to start`])].join(', ');
}

function budget(budget: ActorLine['budget'], whose: string): string | undefined {
  if (budget === null) return undefined;
  const period = budget.periodMs === null ? '' : ` in ${formatDuration(budget.periodMs)}`;
  return `${budget.used} of ${counted(budget.intensity, 'restart')}${period} used${whose}`;
}

function children({ children, strategy, autoShutdown, childrenBudget }: ActorLine): string {
  const ends = autoShutdown === null || autoShutdown === 'never' ? '' : `, ends with ${autoShutdown}`;
  const draws = childrenBudget?.isShared === false ? 'a budget each' : budget(childrenBudget, '');
  return [`${children ?? 0}`, strategy, ...(draws === undefined ? [] : [draws])].join(', ') + ends;
}

function mailbox({ mailbox, mailboxMax, mailboxPeak, overflow, overflowed }: ActorLine, paint: Paint): string {
  const lost = overflowed === 0 ? 'so far 0' : paint.yellow(`so far ${overflowed}`);
  return `${mailbox} of ${mailboxMax}, at most ${mailboxPeak} so far; one too many: ${overflow}, ${lost}`;
}

function errorWords({ name, message, cause }: ErrorLine): string {
  const own = `${name === 'Error' ? '' : `${printable(name)}: `}${printable(message.split('\n', 1)[0] ?? '')}`;
  return cause === null ? own : `${own} ← ${errorWords(cause)}`;
}

function formatSpan(spanMs: number): string {
  return spanMs < 1 ? `${Math.round(spanMs * 1_000)}µs` : formatDuration(spanMs);
}
