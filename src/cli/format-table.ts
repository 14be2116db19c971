/** Rows in columns, without lines between them. Pure. */
import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import type { Paint } from './paint.ts';

export interface Column {
  readonly head: string;
  readonly align?: 'right';
  /** Gives way when the table is wider than its terminal; where there is none, it is cut to this many characters. */
  readonly cutTo?: number;
}

const BETWEEN = 2;

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
  middle: ' '.repeat(BETWEEN),
};

/** Less than this tells nothing: then the terminal must wrap. */
const CUT_MIN = 8;

/**
 * Cells may be coloured; their text must have gone through `printable`.
 * @param width of the terminal; undefined where there is none
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], paint: Paint, width?: number): string[] {
  const table = new Table({
    colWidths: widthsOf(columns, rows, width),
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

/** Null where a column takes what it needs. */
function widthsOf(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | undefined): (number | null)[] {
  const natural = columns.map(({ head }, at) => Math.max(head.length, ...rows.map((row) => stripVTControlCharacters(row[at] ?? '').length)));
  const all = natural.reduce((sum, each) => sum + each + BETWEEN, -BETWEEN);
  return columns.map(({ cutTo }, at) => {
    if (cutTo === undefined) return null;
    const room = width === undefined ? cutTo : Math.max(CUT_MIN, natural[at]! - (all - width));
    return natural[at]! > room ? room : null;
  });
}
