/** Actors in rows, by what one wants to see at the top. Pure. */
import type { TreeNode__Output } from '../transport/generated/omega/mesh/v1/TreeNode.ts';
import { formatDuration } from './format-duration.ts';
import { paintStatus, printable, type Paint } from './paint.ts';

export const SORTS = ['mailbox', 'rate', 'busy', 'restarts', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** With --json, as it stands. */
export interface TopRow {
  readonly path: string;
  readonly type: string;
  readonly status: string;
  readonly mailbox: number;
  readonly mailboxMax: number;
  readonly ratePerS: number;
  /** Share of one core that its handlers took between the last two looks. */
  readonly busyPercent: number;
  readonly restarts: number;
  readonly uptimeMs: number;
}

export interface Look {
  readonly tree: TreeNode__Output;
  /** Monotonic. */
  readonly atMs: number;
}

/** @param before undefined at the first look: then nobody is known to be busy */
export function topRows({ tree, atMs }: Look, before: Look | undefined): readonly TopRow[] {
  const busyBefore = new Map(before === undefined ? [] : flat(before.tree).map(({ path, busyMs }) => [path, busyMs]));
  const passedMs = before === undefined ? Infinity : Math.max(1, atMs - before.atMs);
  return flat(tree).map((node) => {
    const { path, type, status, mailbox, mailboxMax, ratePerS, busyMs, restarts, uptimeMs } = node;
    const busy = Math.max(0, busyMs - (busyBefore.get(path) ?? 0)) / passedMs;
    return { path, type, status, mailbox, mailboxMax, ratePerS: tenths(ratePerS), busyPercent: tenths(busy * 100), restarts, uptimeMs: Math.round(uptimeMs) };
  });
}

/** The most first, names from a to z; the same place goes by name, so that rows stay where they are. */
export function sorted(rows: readonly TopRow[], sort: Sort): readonly TopRow[] {
  const by = { mailbox: 'mailbox', rate: 'ratePerS', busy: 'busyPercent', restarts: 'restarts' } as const;
  const byName = (a: TopRow, b: TopRow): number => (a.path < b.path ? -1 : 1);
  if (sort === 'name') return [...rows].sort(byName);
  const key = by[sort];
  return [...rows].sort((a, b) => b[key] - a[key] || byName(a, b));
}

interface Column {
  readonly head: string;
  readonly width: number;
  readonly sort?: Sort;
  readonly isText?: true;
  readonly cell: (row: TopRow, paint: Paint) => string;
}

const COLUMNS: readonly Column[] = [
  { head: 'STATE', width: 10, isText: true, cell: ({ status }, paint) => paintStatus(status, paint) },
  { head: 'MAILBOX', width: 9, sort: 'mailbox', cell: ({ mailbox, mailboxMax }, paint) => shade(mailbox, mailbox * 2 >= mailboxMax && mailbox > 0, paint) },
  { head: 'RATE/S', width: 9, sort: 'rate', cell: ({ ratePerS }, paint) => shade(ratePerS, false, paint) },
  { head: 'BUSY %', width: 8, sort: 'busy', cell: ({ busyPercent }, paint) => shade(busyPercent, busyPercent >= 50, paint) },
  { head: 'RESTARTS', width: 10, sort: 'restarts', cell: ({ restarts }, paint) => shade(restarts, restarts > 0, paint) },
  { head: 'UPTIME', width: 8, cell: ({ status, uptimeMs }) => (status === 'running' || status === 'suspended' ? formatDuration(uptimeMs) : '-') },
];
const BETWEEN = 2;
/** What gives way first where the screen is narrow. What is sorted by stays. */
const DROPPED: readonly string[] = ['UPTIME', 'RESTARTS', 'BUSY %', 'RATE/S', 'STATE', 'MAILBOX'];
/** The last parts of a path tell actors apart. */
const PATH_MIN = 16;

/**
 * The head, then a line for each row.
 * @param columns width of the screen; undefined where there is none
 */
export function formatTop(rows: readonly TopRow[], sort: Sort, paint: Paint, columns: number | undefined): string[] {
  const shown = columnsFor(sort, columns);
  const others = shown.reduce((sum, { width }) => sum + width + BETWEEN, 0);
  const pathWidth = columns === undefined ? Math.max(5, ...rows.map(({ path }) => printable(path).length)) : Math.max(1, columns - others);
  const gap = ' '.repeat(BETWEEN);
  const mark = (head: string, isSorted: boolean): string => (isSorted ? `${head}▼` : head);
  const head = [mark('ACTOR', sort === 'name').padEnd(pathWidth), ...shown.map((column) => padded(mark(column.head, column.sort === sort), column))];
  const lines = rows.map((row) => {
    const cells = shown.map((column) => padded(column.cell(row, NO_PAINT), column, column.cell(row, paint)));
    return [tailOf(printable(row.path), pathWidth).padEnd(pathWidth), ...cells].join(gap);
  });
  return [paint.dim(head.join(gap)), ...lines];
}

function columnsFor(sort: Sort, columns: number | undefined): readonly Column[] {
  let shown = COLUMNS;
  for (const head of DROPPED) {
    const others = shown.reduce((sum, { width }) => sum + width + BETWEEN, 0);
    if (columns === undefined || columns - others >= PATH_MIN) break;
    shown = shown.filter((column) => column.head !== head || column.sort === sort);
  }
  return shown;
}

const same = (text: string): string => text;
const NO_PAINT = { green: same, yellow: same, red: same, dim: same } as Paint;

/** @param painted what is shown instead, as long as `plain` */
function padded(plain: string, { width, isText }: Column, painted: string = plain): string {
  const room = ' '.repeat(Math.max(0, width - plain.length));
  return isText === true ? `${painted}${room}` : `${room}${painted}`;
}

function shade(value: number, isWorthALook: boolean, paint: Paint): string {
  const text = String(value);
  if (value === 0) return paint.dim(text);
  return isWorthALook ? paint.yellow(text) : text;
}

function tailOf(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;
}

function flat(node: TreeNode__Output): TreeNode__Output[] {
  const all = [node];
  for (let at = 0; at < all.length; at++) for (const child of all[at]!.children) all.push(child);
  return all;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
