/** Registry entries, for people. Pure. */
import { formatTable } from './format-table.ts';
import { printable, type Paint } from './paint.ts';
import type { ChangeLine, EntryLine } from './views.ts';

export function formatEntries(entries: readonly EntryLine[], paint: Paint): string[] {
  return formatTable(
    [{ head: 'KEY' }, { head: 'VALUE' }, { head: 'WRITER' }, { head: 'WRITTEN' }],
    entries.map((entry) => [
      printable(entry.key),
      printable(entry.value),
      printable(entry.writer),
      `${entry.writtenAt}${entry.conflict ? paint.yellow(' won over a concurrent write') : ''}`,
    ]),
    paint,
  );
}

export function formatChange({ type, entry }: ChangeLine, paint: Paint): string {
  if (entry === null) return paint.dim(printable(type));
  const by = paint.dim(`(${printable(entry.writer)}, ${entry.writtenAt})`);
  if (type === 'delete') return `${paint.red(type)} ${printable(entry.key)} ${by}`;
  return `${paint.green(printable(type))} ${printable(entry.key)} = ${printable(entry.value)} ${by}`;
}
