/** Commands that look into one actor: what it is, what it holds, what it handles. */
import type { TraceItem__Output } from '../transport/generated/omega/mesh/v1/TraceItem.ts';
import { actorLine, stateLine, traceLine } from './actor-views.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatActor, formatState, formatTrace } from './format-actor.ts';
import { span, wholeNumber } from './option-value.ts';

/** The node's own limits: a trace that nobody ends must end itself. */
const TRACE_MAX = 10_000;
const TRACE_PER_S_MAX = 1_000;
const TRACE_FOR_MAX_MS = 3_600_000;

export const ACTOR_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'info',
    operands: '<path>',
    summary: 'show all that is known of one actor: rules, restarts, budget, mailbox, work, last error',
    example: 'mesh info /bus/subjects',
    run: async ({ ask, answer, operands, paint }) => {
      const line = actorLine(await ask((admin) => admin.getActor({ path: operands[0]! })));
      answer(line, () => formatActor(line, paint));
      return DONE;
    },
  },
  {
    words: 'state',
    operands: '<path>',
    summary: 'show what an actor lets be seen of its state, without secrets and up to 65,536 characters',
    example: 'mesh state /membership/swim',
    run: async ({ ask, answer, remark, operands }) => {
      const line = stateLine(await ask((admin) => admin.getState({ path: operands[0]! })));
      if (!line.isShown) remark(`${line.path} shows nothing of its state: it has no view; see \`mesh info ${line.path}\``);
      if (line.isCut) remark('the state is longer than 65,536 characters: this is its beginning');
      answer(line, () => (line.isShown ? formatState(line) : []));
      return DONE;
    },
  },
  {
    words: 'trace',
    operands: '<path>',
    summary: 'print each message that an actor handles, until a limit is reached',
    options: [
      { flags: '--max <n>', summary: `end after so many messages, at most ${TRACE_MAX} (default: 100)` },
      { flags: '--rate <n>', summary: `show at most so many a second, at most ${TRACE_PER_S_MAX}; the rest is counted (default: 20)` },
      { flags: '--for <time>', summary: 'end after this time, such as 500ms, 30s or 1h, at most 1h (default: 60s)' },
    ],
    example: 'mesh trace /membership/swim --max 100 --rate 20 --for 30s',
    run: trace,
  },
];

async function trace({ follow, answerOne, remark, operands, options, paint }: Call): Promise<number> {
  const number = (name: string, standard: number, max: number): number => (options[name] === undefined ? standard : wholeNumber(`--${name}`, String(options[name]), 1, max));
  const path = operands[0]!;
  const request = {
    path,
    messagesMax: number('max', 100, TRACE_MAX),
    perS: number('rate', 20, TRACE_PER_S_MAX),
    forMs: options['for'] === undefined ? 60_000 : span('--for', String(options['for']), 1, TRACE_FOR_MAX_MS),
  };
  return follow(
    (admin, signal) => admin.traceActor(request, signal),
    ({ entry, over }: TraceItem__Output) => {
      if (entry) {
        const line = traceLine(path, entry);
        answerOne(line, () => formatTrace(line, paint));
      }
      if (!over) return undefined;
      remark(`${over.shown} shown; ended by ${over.limit === 'max' ? '--max' : '--for'}`);
      return 'over';
    },
  );
}
