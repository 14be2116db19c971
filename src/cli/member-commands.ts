/** Commands about the members of the mesh: who there is, what happens to them, and why one is as it is. */
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatHappening, formatMemberRecord } from './format-members.ts';
import { formatMembers } from './format-node.ts';
import { printable } from './paint.ts';
import { happeningLine, memberRecordView } from './member-lines.ts';
import { memberLine } from './views.ts';

export const MEMBER_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'members',
    summary: 'list the members of the mesh as this node sees them',
    options: [{ flags: '--watch', summary: 'instead, print what happens to members as this node learns of it, until Ctrl-C' }],
    example: 'mesh members --json',
    run: async (call) => {
      const { ask, answer, options, paint } = call;
      if (options['watch'] === true) return watch(call);
      const { members } = await ask((admin) => admin.listMembers({}));
      const lines = members.map(memberLine);
      answer(lines, () => formatMembers(lines, paint));
      return DONE;
    },
  },
  {
    words: 'members why',
    operands: '<node>',
    summary: 'say why a member is as it is: who suspected it, on which paths it did not answer, who confirmed, what cleared it',
    example: 'mesh members why n3',
    run: async ({ ask, answer, operands, paint, width }) => {
      const record = await ask((admin) => admin.getMemberRecord({ name: operands[0]! }));
      answer(memberRecordView(record), () => formatMemberRecord(memberRecordView(record), Date.now(), paint, width));
      return DONE;
    },
  },
  {
    words: 'force-leave',
    operands: '<node>',
    summary: 'say for a member that is dead that it has left: nobody looks for it any more, also no agent of Serf',
    options: [{ flags: '--prune', summary: 'have all members forget it at once, and not list it for a day' }],
    example: 'mesh force-leave n3 --prune',
    run: async ({ ask, answer, operands, options }) => {
      const member = operands[0]!;
      const prune = options['prune'] === true;
      await ask((admin) => admin.forceLeave({ name: member, prune }));
      answer({ member, prune }, () => [`${printable(member)} ${prune ? 'is forgotten' : 'has left'}`]);
      return DONE;
    },
  },
];

function watch({ follow, answerOne, paint }: Call): Promise<number> {
  return follow(
    (admin, signal) => admin.watchMembers({}, signal),
    (happening) => {
      const line = happeningLine(happening);
      answerOne(line, () => formatHappening(line, paint));
    },
  );
}
