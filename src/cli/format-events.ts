/** Events of supervision, for people. Pure. */
import type { EventsGap__Output } from '../transport/generated/omega/mesh/v1/EventsGap.ts';
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import { printable, type Paint } from './paint.ts';
import type { HistoryLine } from './views.ts';

type EventLine = Omit<HistoryLine, 'boot' | 'isEarlierRun'>;

export function formatHistory(events: readonly HistoryLine[], paint: Paint): string[] {
  // Who looks at one run only need not hear which it is.
  const hasRuns = events.some(({ isEarlierRun }) => isEarlierRun);
  return formatTable(
    [
      { head: 'TIME' },
      ...(hasRuns ? [{ head: 'RUN' }] : []),
      { head: 'EVENT' },
      { head: 'ACTOR' },
      { head: 'LIFE', align: 'right' },
      { head: 'REASON' },
      { head: 'DECISION' },
      { head: 'ERROR' },
    ],
    events.map((event) => [
      event.at,
      ...(hasRuns ? [event.isEarlierRun ? paint.dim(printable(event.boot)) : 'now'] : []),
      type(event, paint),
      printable(event.path),
      String(event.life),
      printable(event.reason),
      decision(event),
      // The reason of most ends is their error.
      event.error === null || event.reason.includes(event.error) ? '' : paint.red(printable(event.error.split('\n', 1)[0] ?? '')),
    ]),
    paint,
  );
}

export function formatEvent(event: EventLine, paint: Paint): string {
  const { sequence, at, path, life, reason } = event;
  const decided = decision(event);
  const said = reason === event.type ? '' : `: ${printable(reason)}`;
  return `${paint.dim(`${at} #${sequence}`)} ${type(event, paint)} ${printable(path)} life ${life}${said}${decided === '' ? '' : ` → ${decided}`}`;
}

export function formatGap({ lost, from, to }: EventsGap__Output, paint: Paint): string {
  return paint.yellow(`… ${lost} events are not kept any more: #${from} to #${to}`);
}

function type(event: EventLine, paint: Paint): string {
  return event.type === 'crash' ? paint.red(event.type) : printable(event.type);
}

function decision({ decision, delayMs }: EventLine): string {
  return `${printable(decision ?? '')}${delayMs > 0 ? ` in ${formatDuration(delayMs)}` : ''}`.trim();
}
