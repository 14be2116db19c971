/** The supervision tree, drawn. Pure. */
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import type { Part } from './format-table.ts';
import { paintStatus, printable, type Paint } from './paint.ts';
import type { TreeLine } from './views.ts';

/** The head, then a line for each actor. @param part of the actors, in the order in which they are drawn */
export function formatTree(root: TreeLine, paint: Paint, width?: number, part?: Part): string[] {
  const rows = [...rowsBelow(root, printable(root.path), '', paint)];
  return formatTable(
    [
      { head: 'ACTOR' },
      { head: 'STATE' },
      { head: 'RESTARTS', align: 'right' },
      { head: 'MAILBOX', align: 'right' },
      { head: 'UPTIME', align: 'right' },
      { head: 'LAST ERROR', cutTo: Infinity },
    ],
    rows,
    paint,
    width,
    part,
  );
}

function* rowsBelow(node: TreeLine, label: string, indent: string, paint: Paint): Generator<string[]> {
  yield row(node, label, paint);
  for (const [index, child] of node.children.entries()) {
    const isLast = index === node.children.length - 1;
    const name = printable(child.path.slice(child.path.lastIndexOf('/') + 1));
    yield* rowsBelow(child, `${paint.dim(`${indent}${isLast ? '└─' : '├─'}`)} ${name}`, `${indent}${isLast ? '   ' : '│  '}`, paint);
  }
}

function row(node: TreeLine, label: string, paint: Paint): string[] {
  const restarts = String(node.restarts);
  return [
    node.strategy === undefined ? label : `${label} ${paint.dim(`(${node.strategy})`)}`,
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
