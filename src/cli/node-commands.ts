/** Commands about the node itself: how it is, whom it knows, what runs in it. */
import type { CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatMembers, formatStatus } from './format-node.ts';
import { memberLine, statusView } from './views.ts';

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
];
