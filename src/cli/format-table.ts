/** Rows in columns, without lines between them. Pure. */
import Table from 'cli-table3';
import type { Paint } from './paint.ts';

export interface Column {
  readonly head: string;
  readonly align?: 'right';
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Cells may be coloured; their text must have gone through `printable`. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], paint: Paint): string[] {
  const table = new Table({
    head: columns.map(({ head }) => paint.dim(head)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
