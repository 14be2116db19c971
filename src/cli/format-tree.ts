/** The supervision tree, drawn. Pure. */
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import type { Part } from './format-table.ts';
import { paintStatus, printable, type Paint } from './paint.ts';
import type { TreeLine } from './views.ts';

/** On a screen that is narrower, what actors are doing leaves no room for how they are supervised. */
const STRATEGY_WIDTH_MIN = 60;

/** The head, then a line for each actor. @param part of the actors, in the order in which they are drawn */
export function formatTree(root: TreeLine, paint: Paint, width?: number, part?: Part): string[] {
  const hasStrategies = width === undefined || width >= STRATEGY_WIDTH_MIN;
  const rows = [...rowsBelow(root, printable(root.path), '', paint, hasStrategies)];
  return formatTable(
    [
      { head: 'ACTOR' },
      { head: 'STATE' },
      { head: 'RESTARTS', align: 'right', goes: 4 },
      { head: 'MAILBOX', align: 'right', goes: 2 },
      { head: 'UPTIME', align: 'right', goes: 1 },
      { head: 'LAST ERROR', cutTo: Infinity, goes: 3 },
    ],
    rows,
    paint,
    width,
    part,
  );
}

function* rowsBelow(node: TreeLine, label: string, indent: string, paint: Paint, hasStrategies: boolean): Generator<string[]> {
  yield row(node, label, paint, hasStrategies);
  for (const [index, child] of node.children.entries()) {
    const isLast = index === node.children.length - 1;
    const name = printable(child.path.slice(child.path.lastIndexOf('/') + 1));
    yield* rowsBelow(child, `${paint.dim(`${indent}${isLast ? '└─' : '├─'}`)} ${name}`, `${indent}${isLast ? '   ' : '│  '}`, paint, hasStrategies);
  }
}

function row(node: TreeLine, label: string, paint: Paint, hasStrategies: boolean): string[] {
  const restarts = String(node.restarts);
  return [
    node.strategy === undefined || !hasStrategies ? label : `${label} ${paint.dim(`(${node.strategy})`)}`,
    paintStatus(node.status, paint),
    node.restarts === 0 ? paint.dim(restarts) : paint.yellow(restarts),
    mailbox(node, paint),
    node.status === 'running' ? formatDuration(node.uptimeMs) : '-',
    node.lastError === null ? '' : paint.red(printable(node.lastError.split('\n', 1)[0] ?? '')),
  ];
}

/** Half full is worth a look: what fills a mailbox is a receiver slower than its senders. */
function mailbox({ mailbox, mailboxMax }: TreeLine, paint: Paint): string {
  const text = `${mailbox}/${mailboxMax}`;
  if (mailbox === 0) return paint.dim(text);
  return mailbox * 2 >= mailboxMax ? paint.yellow(text) : text;
}
