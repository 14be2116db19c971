/** Registry entries, for people. Pure. */
import { formatTable } from './format-table.ts';
import { printable, type Paint } from './paint.ts';
import type { ChangeLine, EntryLine } from './views.ts';

/** A value may be 64 KiB: the list shows its beginning, `registry get` and --json all of it. */
const VALUE_SHOWN_MAX = 60;

export function formatEntries(entries: readonly EntryLine[], paint: Paint, width?: number): string[] {
  return formatTable(
    [{ head: 'KEY' }, { head: 'VALUE', cutTo: VALUE_SHOWN_MAX }, { head: 'WRITER' }, { head: 'WRITTEN' }],
    entries.map((entry) => [
      printable(entry.key),
      printable(entry.value),
      printable(entry.writer),
      `${entry.writtenAt}${entry.conflict ? paint.yellow(' won over a concurrent write') : ''}`,
    ]),
    paint,
    width,
  );
}

export function formatChange({ type, key, entry }: ChangeLine, paint: Paint): string {
  if (key === null) return paint.dim(printable(type));
  if (entry === null) return `${paint.red(printable(type))} ${printable(key)}`;
  const by = paint.dim(`(${printable(entry.writer)}, ${entry.writtenAt})`);
  return `${paint.green(printable(type))} ${printable(key)} = ${printable(entry.value)} ${by}`;
}
