/** Rows in columns, without lines between them. Pure. */
import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import type { Paint } from './paint.ts';

export interface Column {
  readonly head: string;
  readonly align?: 'right';
  /** Gives way when the table is wider than its terminal; where there is none, it is cut to this many characters. */
  readonly cutTo?: number;
  /** Left out where the table is wider than its terminal, the least first; those without it stay. */
  readonly goes?: number;
}

export interface Part {
  readonly from: number;
  readonly to: number;
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

/** East Asian letters, and signs that some terminals draw as pictures; those beyond 16 bits count as two already. */
const PERHAPS_WIDE = /[\u1100-\u115f\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/g;

/** cli-table3 looks at every row for every row: thousands at once would take it minutes. */
const ROWS_AT_ONCE = 100;

/** Less than this tells nothing: then the terminal must wrap. */
const CUT_MIN = 8;

/**
 * Cells may be coloured; their text must have gone through `printable`.
 * @param width of the terminal; undefined where there is none
 * @param part what is shown of the rows, as wide as if all were; the head is
 */
export function formatTable(all: readonly Column[], allRows: readonly (readonly string[])[], paint: Paint, width?: number, part?: Part): string[] {
  const kept = columnsFor(all, allRows, width);
  const columns = kept.map((at) => all[at]!);
  const rows = kept.length === all.length ? allRows : allRows.map((row) => kept.map((at) => row[at] ?? ''));
  const colWidths = widthsOf(columns, rows, width);
  const shown = part === undefined ? rows : rows.slice(part.from, part.to);
  const lines: string[] = [];
  for (let from = 0; from === 0 || from < shown.length; from += ROWS_AT_ONCE) {
    const table = new Table({
      colWidths,
      head: from === 0 ? columns.map(({ head }) => paint.dim(head)) : [],
      colAligns: columns.map(({ align }) => align ?? 'left'),
      chars: NO_LINES,
      style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    });
    table.push(...shown.slice(from, from + ROWS_AT_ONCE).map((row) => row.slice()));
    lines.push(...table.toString().split('\n').map((line) => line.trimEnd()));
  }
  return lines;
}

/** @returns the columns that have room, by number */
function columnsFor(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | undefined): readonly number[] {
  let kept = columns.map((_, at) => at);
  if (width === undefined) return kept;
  const least = columns.map(({ head, cutTo }, at) => (cutTo === undefined ? rows.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), head.length) : CUT_MIN));
  const going = kept.filter((at) => columns[at]!.goes !== undefined).sort((a, b) => columns[a]!.goes! - columns[b]!.goes!);
  for (const next of going) {
    if (kept.reduce((sum, at) => sum + least[at]! + BETWEEN, -BETWEEN) <= width) break;
    kept = kept.filter((at) => at !== next);
  }
  return kept;
}

function widthsOf(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | undefined): number[] {
  const natural = columns.map(({ head }, at) => rows.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), head.length));
  const all = natural.reduce((sum, each) => sum + each + BETWEEN, -BETWEEN);
  return columns.map(({ cutTo }, at) => {
    const needed = natural[at]!;
    const room = cutTo === undefined ? needed : width === undefined ? cutTo : Math.max(CUT_MIN, needed - (all - width));
    return Math.min(needed, room);
  });
}

/** In cells of a terminal; rather too many than too few, for what does not fit is cut. */
function widthOf(text: string): number {
  const shown = stripVTControlCharacters(text);
  return shown.length + (shown.match(PERHAPS_WIDE)?.length ?? 0);
}
