/** `mesh top` on the whole screen. Pure: what happened goes in, lines come out. */
import type { TreeNode__Output } from '../transport/generated/omega/mesh/v1/TreeNode.ts';
import { formatDuration } from './format-duration.ts';
import type { LiveInput, LiveView, ScreenSize } from './live-view.ts';
import type { Paint } from './paint.ts';
import { scrolled, within } from './scroll.ts';
import { formatTop, sorted, topRows } from './top-rows.ts';
import type { Look, Sort, TopRow } from './top-rows.ts';

interface TopState {
  readonly size: ScreenSize;
  readonly sort: Sort;
  /** The first row that is shown. */
  readonly first: number;
  /** Sorted. */
  readonly rows: readonly TopRow[];
  readonly look: Look | undefined;
  readonly trouble: string | undefined;
}

const SORT_OF: Readonly<Record<string, Sort>> = { m: 'mailbox', r: 'rate', b: 'busy', t: 'restarts', n: 'name' };
const KEYS = 'q quit · ↑↓ page · sort: m mailbox, r rate, b busy, t restarts, n name';
/** The totals, the head and the keys. */
const AROUND = 3;

export function topView(node: string, sort: Sort, paint: Paint): Omit<LiveView<TopState, TreeNode__Output>, 'sample'> {
  return {
    start: (size) => ({ size, sort, first: 0, rows: [], look: undefined, trouble: undefined }),
    next,
    lines: (state) => lines(state, node, paint),
  };
}

function next(state: TopState, input: LiveInput<TreeNode__Output>): TopState {
  switch (input.kind) {
    case 'size':
      return { ...state, size: input.size, first: within(state.first, state.rows.length, roomIn(input.size)) };
    case 'key': {
      const sort = typeof input.key === 'object' ? SORT_OF[input.key.letter] : undefined;
      if (sort !== undefined) return { ...state, sort, first: 0, rows: sorted(state.rows, sort) };
      return { ...state, first: scrolled(state.first, input.key, state.rows.length, roomIn(state.size)) };
    }
    case 'sample': {
      const look = { tree: input.sample, atMs: input.atMs };
      const rows = sorted(topRows(look, state.look), state.sort);
      return { ...state, look, rows, first: within(state.first, rows.length, roomIn(state.size)), trouble: undefined };
    }
    case 'trouble':
      return { ...state, trouble: input.what };
  }
}

function lines({ size, sort, first, rows, look, trouble }: TopState, node: string, paint: Paint): string[] {
  const room = roomIn(size);
  const [head = '', ...shown] = formatTop(rows.slice(first, first + room), sort, paint, size.columns);
  const empty = Array.from({ length: Math.max(0, room - shown.length) }, () => '');
  const place = rows.length > room ? ` ${first + 1}–${Math.min(rows.length, first + room)} of ${rows.length} ·` : '';
  const last = trouble === undefined ? paint.dim(`${place} ${KEYS}`.trimStart()) : paint.red(trouble);
  const all = [look === undefined ? `${node}: asking…` : totals(node, rows, look), head, ...shown, ...empty, last];
  return all.slice(0, size.rows);
}

function totals(node: string, rows: readonly TopRow[], { tree }: Look): string {
  const sum = (of: (row: TopRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const down = rows.filter(({ status }) => status !== 'running').length;
  const parts = [
    `${node} up ${formatDuration(tree.uptimeMs)}`,
    `${rows.length} actors${down === 0 ? '' : `, ${down} not running`}`,
    `${sum(({ mailbox }) => mailbox)} waiting`,
    `${sum(({ ratePerS }) => ratePerS).toFixed(1)}/s`,
    `busy ${sum(({ busyPercent }) => busyPercent).toFixed(1)} %`,
    `${sum(({ restarts }) => restarts)} restarts`,
  ];
  return parts.join(' · ');
}

function roomIn({ rows }: ScreenSize): number {
  return Math.max(1, rows - AROUND);
}
