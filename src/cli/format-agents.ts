/** Agents and what they send, for people. Pure. */
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import { paintStatus, printable, type Paint } from './paint.ts';
import type { AgentLine, TelemetryLine } from './views.ts';

export function formatAgents(agents: readonly AgentLine[], paint: Paint): string[] {
  return formatTable(
    [
      { head: 'ID' },
      { head: 'NODE' },
      { head: 'STATE' },
      { head: 'RATE/S', align: 'right' },
      { head: 'LAST SEEN', align: 'right' },
      { head: 'RECORDS', align: 'right' },
      { head: 'PROGRAM' },
    ],
    agents.map((agent) => [
      printable(agent.id),
      printable(agent.node),
      paintStatus(agent.connected ? 'connected' : 'offline', paint),
      agent.ratePerS.toFixed(1),
      `${formatDuration(agent.lastSeenMs)} ago`,
      String(agent.records),
      printable(agent.program ?? '-'),
    ]),
    paint,
  );
}

export function formatTelemetry({ id, node, at, samples }: TelemetryLine, paint: Paint): string {
  const figures = Object.entries(samples).map(([name, value]) => `${paint.dim(`${printable(name)}=`)}${figure(value)}`);
  return [at, `${paint.cyan(printable(id))}${paint.dim(`@${printable(node)}`)}`, ...figures].join(' ');
}

/** Whole numbers as they are, others to three places: a person reads along. */
function figure(value: number): string {
  return String(Math.round(value * 1_000) / 1_000);
}
