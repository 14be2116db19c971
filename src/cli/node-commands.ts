/** Commands about the node itself: how it is, whom it knows, what runs in it. */
import type { CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatMembers, formatStatus } from './format-node.ts';
import { formatTree } from './format-tree.ts';
import { wholeNumber } from './option-value.ts';
import { memberLine, statusView, treeLine } from './views.ts';

/** Deeper than any tree there is: supervisors of supervisors of supervisors are rare. */
const DEPTH_MAX = 100;

export const NODE_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'status',
    summary: 'show how the node is: addresses, counts, memory, what it dropped',
    example: 'mesh status',
    run: async ({ ask, answer, paint }) => {
      const status = await ask((admin) => admin.getStatus({}));
      answer(statusView(status), () => formatStatus(status, paint));
      return DONE;
    },
  },
  {
    words: 'members',
    summary: 'list the members of the mesh as this node sees them',
    example: 'mesh members --json',
    run: async ({ ask, answer, paint }) => {
      const { members } = await ask((admin) => admin.listMembers({}));
      const lines = members.map(memberLine);
      answer(lines, () => formatMembers(lines, paint));
      return DONE;
    },
  },
  {
    words: 'tree',
    operands: '[path]',
    summary: 'draw the supervision tree, or the part of it at a path',
    options: [{ flags: '--depth <levels>', summary: 'show at most this many levels of children' }],
    example: 'mesh tree --depth 2',
    run: async ({ ask, answer, operands, options, paint, width }) => {
      const depth = options['depth'] === undefined ? DEPTH_MAX : wholeNumber('--depth', String(options['depth']), 0, DEPTH_MAX);
      const tree = treeLine(await ask((admin) => admin.getTree({ path: operands[0] ?? '' })), depth);
      answer(tree, () => formatTree(tree, paint, width));
      return DONE;
    },
  },
  {
    words: 'chaos kill',
    operands: '<path>',
    summary: 'kill one actor, to see its supervisor at work',
    options: [{ flags: '--force', summary: 'also what the node cannot do without' }],
    example: 'mesh chaos kill /bus/subjects',
    run: async ({ ask, answer, operands, options }) => {
      const killed = await ask((admin) => admin.killActor({ path: operands[0]!, force: options['force'] === true }));
      answer({ path: killed.path, life: killed.life }, () => [`killed ${killed.path}, life ${killed.life}`]);
      return DONE;
    },
  },
];
