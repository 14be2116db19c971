/** `mesh tree --watch`. Pure: what happened goes in, lines come out. */
import { formatTree } from './format-tree.ts';
import type { LiveInput, LiveView, ScreenSize } from './live-view.ts';
import type { Paint } from './paint.ts';
import { scrolled, within } from './scroll.ts';
import type { TreeLine } from './views.ts';

interface TreeState {
  readonly size: ScreenSize;
  /** The first actor that is shown. */
  readonly first: number;
  readonly tree: TreeLine | undefined;
  readonly actors: number;
  readonly trouble: string | undefined;
}

/** The head and the keys. */
const AROUND = 2;

export function treeView(paint: Paint): Omit<LiveView<TreeState, TreeLine>, 'sample'> {
  return {
    start: (size) => ({ size, first: 0, tree: undefined, actors: 0, trouble: undefined }),
    next,
    lines: (state) => lines(state, paint),
  };
}

function next(state: TreeState, input: LiveInput<TreeLine>): TreeState {
  const { size, first, actors } = state;
  switch (input.kind) {
    case 'size':
      return { ...state, size: input.size, first: within(first, actors, roomIn(input.size)) };
    case 'key':
      return { ...state, first: scrolled(first, input.key, actors, roomIn(size)) };
    case 'sample': {
      const now = count(input.sample);
      return { ...state, tree: input.sample, actors: now, first: within(first, now, roomIn(size)), trouble: undefined };
    }
    case 'trouble':
      return { ...state, trouble: input.what };
  }
}

function lines({ size, first, tree, actors, trouble }: TreeState, paint: Paint): string[] {
  if (tree === undefined) return [trouble ?? 'asking…'];
  const room = roomIn(size);
  const drawn = formatTree(tree, paint, size.columns, { from: first, to: first + room });
  const empty = Array.from({ length: room - (drawn.length - 1) }, () => '');
  const place = actors > room ? `${first + 1}–${first + drawn.length - 1} of ${actors} · ↑↓ page · ` : '';
  return [...drawn, ...empty, trouble === undefined ? paint.dim(`${place}q quit`) : paint.red(trouble)].slice(0, size.rows);
}

function count(tree: TreeLine): number {
  return tree.children.reduce((sum, child) => sum + count(child), 1);
}

function roomIn({ rows }: ScreenSize): number {
  return Math.max(1, rows - AROUND);
}
