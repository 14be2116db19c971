/** Commands about messages that reached nobody. */
import { MeshError } from '../errors.ts';
import { letterLine } from './actor-views.ts';
import type { CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatLetters } from './format-actor.ts';
import { wholeNumber } from './option-value.ts';
import { printable } from './paint.ts';

/** As many as the node keeps. */
const LETTERS_MAX = 1_000;

export const DEAD_LETTER_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'dead-letters list',
    operands: '[path]',
    summary: 'list messages that reached nobody, the newest last, and which of them can be sent again',
    options: [{ flags: '--limit <n>', summary: `show at most this many, at most ${LETTERS_MAX} (default: 100)` }],
    example: 'mesh dead-letters list /agents',
    run: async ({ ask, answer, remark, operands, options, paint, width }) => {
      const limit = options['limit'] === undefined ? 0 : wholeNumber('--limit', String(options['limit']), 1, LETTERS_MAX);
      const path = operands[0] ?? '';
      const { letters, total } = await ask((admin) => admin.listDeadLetters({ path, limit }));
      const lines = letters.map(letterLine);
      if (lines.length === 0) remark(total === 0 ? 'every message has reached somebody' : `none of the dead letters that are kept is to ${path}; ${total} there were since the node began`);
      answer(lines, () => (lines.length === 0 ? [] : formatLetters(lines, paint, width)));
      return DONE;
    },
  },
  {
    words: 'dead-letters replay',
    operands: '<number>',
    summary: 'send a dead letter again, to whom it was sent or to another actor',
    options: [{ flags: '--to <path>', summary: 'to this actor' }],
    example: 'mesh dead-letters replay 12',
    run: async ({ ask, answer, io, operands, options }) => {
      const sequence = wholeNumber('the number', operands[0]!, 1, Number.MAX_SAFE_INTEGER);
      const to = typeof options['to'] === 'string' ? options['to'] : '';
      const { path, outcome } = await ask((admin) => admin.replayDeadLetter({ sequence, to, by: io.asker }));
      if (outcome !== 'accepted') throw notTaken(sequence, path, outcome);
      answer({ sequence, path, outcome }, () => [`dead letter ${sequence} is in the mailbox of ${printable(path)}`]);
      return DONE;
    },
  },
];

const NOT_TAKEN: Readonly<Record<string, string>> = {
  noproc: 'nobody is there',
  full: 'its mailbox is full',
  refused: 'it cannot cross to the thread of this actor',
};

function notTaken(sequence: number, path: string, outcome: string): MeshError {
  return new MeshError('REFUSED', `dead letter ${sequence} did not reach ${path} again: ${NOT_TAKEN[outcome] ?? outcome}`, {
    given: path,
    todo: `name another actor with --to, or see \`mesh info ${path}\``,
  });
}
