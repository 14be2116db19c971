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
  /** The head of the table, and a line for each actor. */
  readonly drawn: readonly string[];
  readonly trouble: string | undefined;
}

/** The head and the keys. */
const AROUND = 2;

export function treeView(paint: Paint): Omit<LiveView<TreeState, TreeLine>, 'sample'> {
  const draw = (state: TreeState): TreeState => {
    const drawn = state.tree === undefined ? [] : formatTree(state.tree, paint, state.size.columns);
    return { ...state, drawn, first: within(state.first, drawn.length - 1, roomIn(state.size)) };
  };
  return {
    start: (size) => ({ size, first: 0, tree: undefined, drawn: [], trouble: undefined }),
    next: (state: TreeState, input: LiveInput<TreeLine>): TreeState => {
      switch (input.kind) {
        case 'size':
          return draw({ ...state, size: input.size });
        case 'key':
          return { ...state, first: scrolled(state.first, input.key, state.drawn.length - 1, roomIn(state.size)) };
        case 'sample':
          return draw({ ...state, tree: input.sample, trouble: undefined });
        case 'trouble':
          return { ...state, trouble: input.what };
      }
    },
    lines: (state) => lines(state, paint),
  };
}

function lines({ size, first, tree, drawn, trouble }: TreeState, paint: Paint): string[] {
  if (tree === undefined) return [trouble ?? 'asking…'];
  const [head = '', ...actors] = drawn;
  const room = roomIn(size);
  const shown = actors.slice(first, first + room);
  const empty = Array.from({ length: room - shown.length }, () => '');
  const place = actors.length > room ? `${first + 1}–${first + shown.length} of ${actors.length} · ↑↓ page · ` : '';
  return [head, ...shown, ...empty, trouble === undefined ? paint.dim(`${place}q quit`) : paint.red(trouble)].slice(0, size.rows);
}

function roomIn({ rows }: ScreenSize): number {
  return Math.max(1, rows - AROUND);
}
