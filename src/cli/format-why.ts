/** Why an actor ended, in one paragraph that a person can read. Pure. */
import { counted } from './counted.ts';
import type { EventRecord } from './event-record.ts';
import { formatDuration } from './format-duration.ts';
import type { NodeCrash } from './node-crash.ts';
import { printable } from './paint.ts';
import { moment } from './views.ts';
import type { WhyFacts } from './why.ts';

export function formatWhy(facts: WhyFacts): string {
  const { event, crash } = facts;
  const told = crash !== null ? [processEnd(crash, facts)] : event === null ? [never(facts)] : [what(facts, event), moments(event), decision(event), howOften(facts, event)];
  return [...told, howNow(facts), next(facts)].filter((sentence) => sentence !== '').join(' ');
}

function never({ path }: WhyFacts): string {
  return `${printable(path)} has not ended, as far back as is known.`;
}

function processEnd(crash: NodeCrash, { agoMs }: WhyFacts): string {
  const how = crash.signal === null ? `exit code ${crash.exitCode}` : printable(crash.signal);
  const then = crash.delayMs === null ? 'did not start it again' : `started it again after ${formatDuration(crash.delayMs)}`;
  return `The process of the node ended ${formatDuration(agoMs ?? 0)} ago (${moment(crash.atMs)}) with ${how}, after ${formatDuration(crash.uptimeMs)}. Its keeper ${then}: ${printable(crash.why)}.`;
}

function what({ path: raw, kind, errors, askedBy, cause, isEarlierRun, agoMs }: WhyFacts, event: EventRecord): string {
  const path = printable(raw);
  const when = `${formatDuration(agoMs ?? 0)} ago (${moment(event.atMs)}${isEarlierRun ? `, in an earlier run of the node, ${printable(event.boot)}` : ''})`;
  const life = `life ${event.life}`;
  const doing = event.during === null || event.during === 'idle' ? '' : ` in ${printable(event.during)}`;
  switch (kind) {
    case 'crash':
      return `${path}, ${life}, crashed ${when}${doing}: ${errorWords(errors, event)}.`;
    case 'start_failure':
      return `${path}, ${life}, could not start ${when}${doing}: ${errorWords(errors, event)}.`;
    case 'killed':
      return `${path}, ${life}, was killed ${when} by ${printable(askedBy ?? 'nobody who is known')}${doing === '' ? '' : `, while it was${doing}`}.`;
    case 'hung':
      return `${path}, ${life}, was to stop and did not in its time, so that it was ended by force ${when}${doing === '' ? '' : `; it hung${doing}`}.`;
    case 'failed_stopping':
      return `${path}, ${life}, failed while it was to stop, ${when}${doing}: ${errorWords(errors, event)}.`;
    case 'gave_up':
      return `${path}, ${life}, gave up ${when}${cause === null ? '' : ` over its child ${printable(cause.path)}, which ended once more than is allowed, at last with: ${printable(cause.reason)}${budgetOf(cause)}`}.`;
    case 'exit':
      return `${path}, ${life}, ended by itself ${when}, in good order: ${printable(event.reason)}.`;
    case 'restarted':
      return `${path} was started anew ${when}: ${printable(event.reason)}.`;
    case 'stopped':
      return `${path} was stopped${event.path === raw ? '' : ` with ${printable(event.path)}`} ${when} by ${printable(askedBy ?? 'nobody who is known')}.`;
    case 'suspended':
      return `${path} was suspended ${when} by ${printable(askedBy ?? 'nobody who is known')}: its messages wait.`;
    case 'taken_along':
      return `${path} did not fail: it was started anew as ${life} ${when}${cause === null ? ', for a reason that is not kept any more' : `, because of ${printable(cause.path)}: ${printable(cause.reason)}`}.`;
    case 'process_end':
    case 'never':
      return '';
  }
}

function errorWords(errors: WhyFacts['errors'], { reason }: EventRecord): string {
  const [first, ...causes] = errors.map(({ name, message, code }) => {
    const known = name === 'Error' || name === 'MeshError' ? '' : `${name}: `;
    return `${printable(`${known}${message}`)}${code === null ? '' : ` (${printable(code)})`}`;
  });
  return first === undefined ? printable(reason) : [first, ...causes].join(', caused by ');
}

function moments({ uptimeMs, processed, mailbox }: EventRecord): string {
  if (uptimeMs === null || processed === null || mailbox === null) return '';
  const waited = mailbox === 0 ? 'none waited' : `${mailbox} waited`;
  return `It had lived for ${formatDuration(uptimeMs)} and handled ${counted(processed, 'message')}; ${waited}.`;
}

function decision(event: EventRecord): string {
  const { supervisor, decision: decided, restart, strategy, takenAlong } = event;
  if (supervisor === null || decided === null) return '';
  const who = `Its supervisor ${printable(supervisor)}${strategy === null ? '' : ` (${strategy})`}`;
  const along = takenAlong === null ? '' : `, and ${counted(takenAlong.count, 'sibling')} with it: ${takenAlong.first.map(printable).join(', ')}${takenAlong.count > takenAlong.first.length ? ', …' : ''}`;
  switch (decided) {
    case 'restart':
      return `${who} restarted it at once, for it is ${restart ?? 'to be'}${budgetOf(event)}${along}.`;
    case 'backoff':
      return `${who} restarted it after ${formatDuration(event.delayMs)}, for it is ${restart ?? 'to be'}${budgetOf(event)}${along}.`;
    case 'escalate':
      return event.context === 'start_error' && !isSpent(event)
        ? `${who} was starting itself and gave up over it.`
        : `${who} gave up over it${budgetOf(event)}.`;
    case 'stop':
      return event.context === 'shutdown_error' ? `${who} had asked it to.` : `${who} let it go${isSpent(event) ? budgetOf(event) : `, for it is ${restart ?? 'temporary'}`}.`;
    default:
      return '';
  }
}

function isSpent({ budget }: EventRecord): boolean {
  return budget !== null && budget.used > budget.usedBefore;
}

function budgetOf(event: EventRecord): string {
  const { budget } = event;
  return budget === null || !isSpent(event) ? '' : ` (restart ${budget.used} of ${budget.intensity} that are allowed in ${formatDuration(budget.periodMs)})`;
}

function howOften({ ends: { count, sinceMs, reasons } }: WhyFacts, event: EventRecord): string {
  const [first, ...others] = reasons;
  const isEnd = event.reason === first?.reason;
  // Its one end has been told of already.
  if (first === undefined || sinceMs === null || (count === 1 && isEnd)) return '';
  const since = `${count === 1 ? 'once' : `${count} times`} in the last ${formatDuration(sinceMs)}`;
  if (others.length === 0 && isEnd) return `It has ended ${since}, always so.`;
  const listed = reasons.map(({ reason, count: each }) => `${each} × ${reason === event.reason ? 'for this reason' : printable(reason)}`).join('; ');
  return `It has ended ${since}: ${listed}.`;
}

function howNow({ now, isNodeUp, isEarlierRun, upAgainAfterMs, kind }: WhyFacts): string {
  const back = upAgainAfterMs === null || kind === 'taken_along' ? '' : `It was up again ${formatDuration(upAgainAfterMs)} later. `;
  if (!isNodeUp) return `${back}The node does not run now.`;
  if (now === null) return `${back}There is no such actor now.`;
  const who = isEarlierRun ? 'In this run of the node it has not ended: it' : 'It';
  const state = now.status === 'running' ? `has run for ${formatDuration(now.uptimeMs)}` : `is ${now.status}`;
  return `${back}${who} ${state} (life ${now.life}, ${counted(now.processed, 'message')} handled, ${now.mailbox} waiting).`;
}

function next({ path: raw, kind, cause, event, now, ends }: WhyFacts): string {
  const path = printable(raw);
  const json = `\`mesh why ${path} --json\``;
  switch (kind) {
    case 'crash':
    case 'failed_stopping':
      return `${ends.count > 2 && ends.reasons[0]?.count === ends.count ? 'It fails the same way each time: mend what it does there. ' : ''}Next: ${json} has the stack${event?.state === null ? '' : ' and the state'}, \`mesh history ${path}\` what came before.`;
    case 'start_failure':
      return `Next: give it what it asks for${now?.status === 'running' ? ', if it still lacks it' : ''}; ${json} has the stack.`;
    case 'killed':
      return 'Nothing in it needs mending.';
    case 'hung':
      return `Next: see what it waits for there, or give its spec more \`shutdown\` time; ${json} has what it was at.`;
    case 'gave_up':
    case 'taken_along':
      return cause === null ? `Next: \`mesh history\`.` : `Next: \`mesh why ${printable(cause.path)}\`.`;
    case 'stopped':
      return `Next: \`mesh start ${printable(event?.path ?? raw)}\`.`;
    case 'suspended':
      return `Next: \`mesh resume ${path}\`.`;
    case 'process_end':
      return 'Next: `crash.json` in its data directory has its last words, `mesh history` what came before.';
    case 'exit':
    case 'restarted':
    case 'never':
      return '';
  }
}

/** @param columns of the terminal */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
