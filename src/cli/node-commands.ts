/** Commands about the node itself: how it is. */
import type { CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatStatus } from './format-node.ts';
import { statusView } from './views.ts';

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
];
