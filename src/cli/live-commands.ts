/** Commands that show the supervision tree as it goes: the tree as such, and its actors by what they do. */
import { setTimeout as delay } from 'node:timers/promises';
import { formatAddress } from '../address.ts';
import { MeshError } from '../errors.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatTree } from './format-tree.ts';
import { showLive } from './live-view.ts';
import { choice, wholeNumber } from './option-value.ts';
import { formatTop, sorted, SORTS, topRows } from './top-rows.ts';
import type { Look, Sort } from './top-rows.ts';
import { topView } from './top-view.ts';
import { treeView } from './tree-view.ts';
import { treeLine } from './views.ts';

/** Deeper than any tree there is: supervisors of supervisors of supervisors are rare. */
const DEPTH_MAX = 100;
/** Between two looks for one picture: long enough to tell who is busy, short enough to wait for. */
const BETWEEN_LOOKS_MS = 500;

export const LIVE_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'tree',
    operands: '[path]',
    summary: 'draw the supervision tree, or the part of it at a path',
    options: [
      { flags: '--depth <levels>', summary: 'show at most this many levels of children' },
      { flags: '--watch', summary: 'draw it again each second, on the whole screen, until q or Ctrl-C' },
    ],
    example: 'mesh tree --depth 2',
    run: async (call) => {
      const { ask, answer, operands, options, paint, width } = call;
      const depth = options['depth'] === undefined ? DEPTH_MAX : wholeNumber('--depth', String(options['depth']), 0, DEPTH_MAX);
      const path = operands[0] ?? '';
      if (options['watch'] === true) return watchTree(call, path, depth);
      const tree = treeLine(await ask((admin) => admin.getTree({ path })), depth);
      answer(tree, () => formatTree(tree, paint, width));
      return DONE;
    },
  },
  {
    words: 'top',
    summary: 'show who is busy, on the whole screen; one picture where there is no terminal or with --json',
    options: [{ flags: '--sort <by>', summary: `${SORTS.join(', ')} (default: mailbox)` }],
    example: 'mesh top --sort rate',
    run: async (call) => {
      const sort = sortOf(call.options['sort']);
      const { terminal } = call.io;
      if (terminal === undefined || call.options['json'] === true) return topOnce(call, sort);
      const view = topView(nameOf(call), sort, call.paint);
      return showLive(call, terminal, { ...view, sample: (admin) => admin.getTree({}) });
    },
  },
];

function nameOf({ remote, findNode }: Call): string {
  return remote === undefined ? findNode().name : (remote.name ?? formatAddress(remote.address));
}

function watchTree(call: Call, path: string, depth: number): Promise<number> {
  const { terminal } = call.io;
  if (terminal === undefined || call.options['json'] === true) {
    const todo = 'leave it out for the tree as it is now, or follow what happens with `mesh events --follow`';
    return Promise.reject(new MeshError('BAD_ARGUMENT', `--watch draws on a terminal${terminal === undefined ? ', and standard output is none' : ', not as JSON'}`, { todo }));
  }
  return showLive(call, terminal, { ...treeView(call.paint), sample: async (admin) => treeLine(await admin.getTree({ path }), depth) });
}

async function topOnce({ ask, answer, paint, width }: Call, sort: Sort): Promise<number> {
  const rows = await ask(async (admin) => {
    const look = async (): Promise<Look> => ({ tree: await admin.getTree({}), atMs: performance.now() });
    const before = await look();
    await delay(BETWEEN_LOOKS_MS);
    return sorted(topRows(await look(), before), sort);
  });
  answer(rows, () => formatTop(rows, sort, paint, width));
  return DONE;
}

function sortOf(option: Call['options'][string]): Sort {
  if (option === undefined) return 'mailbox';
  return choice('--sort', String(option), SORTS);
}
