/** Commands that break something on purpose, and say what came of it. What they begin is taken back when they end. */
import { randomInt } from 'node:crypto';
import { MeshError } from '../errors.ts';
import type { AdminClient } from '../transport/grpc-client.ts';
import type { FaultItem__Output } from '../transport/generated/omega/mesh/v1/FaultItem.ts';
import type { StormVerdict__Output } from '../transport/generated/omega/mesh/v1/StormVerdict.ts';
import { faultLine, foresightLine, verdictLine } from './chaos-views.ts';
import type { Call, CommandSpec, OptionSpec } from './command.ts';
import { DONE, FAILED } from './exit-code.ts';
import { formatFault, formatForesight, formatProgress, formatVerdict } from './format-chaos.ts';
import { span, wholeNumber } from './option-value.ts';
import { watchForStop } from './stop-signal.ts';

const HOUR_MS = 3_600_000;
const FORCE = { flags: '--force', summary: "also what takes this command's own connection along: /, /edge, /edge/admin" };
const FOR = { flags: '--for <time>', summary: 'how long, such as 500ms, 10s or 1m (default: 5s)' };
/** What a number on the wire holds. */
const UINT32_MAX = 2 ** 32 - 1;

export const CHAOS_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'chaos what-if',
    operands: '<fault> <path>',
    summary: 'say who would stop and start, in which order, if an actor were killed now; nothing is touched',
    example: 'mesh chaos what-if kill /bus/subjects',
    run: async ({ ask, answer, operands, paint }) => {
      const foresight = foresightLine(await ask((admin) => admin.foresee({ fault: operands[0]!, path: operands[1]! })));
      answer(foresight, () => formatForesight(foresight, paint));
      return DONE;
    },
  },
  {
    words: 'chaos kill',
    operands: '<path>',
    summary: 'kill an actor, or all at a glob such as "/agents/sessions/*", to see their supervisors at work',
    options: [FORCE],
    example: 'mesh chaos kill /bus/subjects',
    run: (call) => (call.operands[0]!.includes('*') ? inflict(call, 'kill') : kill(call)),
  },
  fault('crash', 'end a life with an error, as if its own code had thrown', [], 'mesh chaos crash /bus/subjects'),
  fault('hang', 'have the next handler of an actor not settle for a while; Ctrl-C lets it go', [FOR], 'mesh chaos hang /bus/subjects --for 3s'),
  fault('slow', 'have each handler of an actor start late for a while; Ctrl-C ends it', [{ flags: '--ms <ms>', summary: 'how late (default: 50)' }, FOR], 'mesh chaos slow /bus/subjects --ms 20 --for 10s'),
  fault('flood', 'fill the mailbox of an actor with messages that nobody hears', [{ flags: '--messages <n>', summary: 'how many (default: as many as have room)' }], 'mesh chaos flood /bus/subjects'),
  fault('leak', 'have a life hold memory and 1,000 timers for a while; Ctrl-C ends it', [{ flags: '--mib <n>', summary: 'how much memory (default: 16)' }, FOR], 'mesh chaos leak /bus/subjects --mib 32 --for 10s'),
  {
    words: 'chaos storm',
    summary: 'break things at random from a seed for a while, within guard rails, and judge what is left; exit code 1 when a promise was broken',
    options: [
      { flags: '--seed <n>', summary: 'the same seed on the same tree makes the same choices (default: any)' },
      { flags: '--for <time>', summary: 'how long (default: 30s)' },
      { flags: '--rate <n>', summary: 'faults a second, up to 200 (default: 20)' },
      { flags: '--min-running <n|%>', summary: 'permanent children that always run, a number or a share (default: 50%)' },
      { flags: '--only <glob>', summary: 'hit these only, such as "/agents/**"' },
      { flags: '--faults <list>', summary: 'of kill,crash,hang,slow,flood,leak (default: all)' },
      { flags: '--force', summary: 'also what makes supervisors give up, ends the node or this connection' },
    ],
    example: 'mesh chaos storm --seed 7 --for 30s --rate 20',
    run: storm,
  },
];

function fault(word: string, summary: string, options: readonly OptionSpec[], example: string): CommandSpec {
  return { words: `chaos ${word}`, operands: '<path>', summary, options: [...options, FORCE], example, run: (call) => inflict(call, word) };
}

async function kill({ ask, answer, io, operands, options }: Call): Promise<number> {
  const killed = await ask((admin) => admin.killActor({ path: operands[0]!, force: options['force'] === true, by: io.asker }));
  answer({ path: killed.path, life: killed.life }, () => [`killed ${killed.path}, life ${killed.life}`]);
  return DONE;
}

/** Goes on as long as what it began; a signal takes that back. */
async function inflict(call: Call, word: string): Promise<number> {
  const { io, operands, options, answerOne, paint } = call;
  const request = {
    fault: word,
    path: operands[0]!,
    force: options['force'] === true,
    by: io.asker,
    forMs: options['for'] === undefined ? 0 : span('--for', String(options['for']), 1, HOUR_MS),
    delayMs: numberOf(call, 'ms'),
    messages: numberOf(call, 'messages'),
    mebibytes: numberOf(call, 'mib'),
  };
  let begun = 0;
  const each = (item: FaultItem__Output): void => {
    const line = faultLine(item);
    if (line === undefined) return;
    if (line.type === 'begun') begun++;
    answerOne(line, () => formatFault(line, paint));
  };
  await streamed(call, (admin, signal) => admin.inflict(request, signal), each);
  return begun > 0 ? DONE : FAILED;
}

async function storm(call: Call): Promise<number> {
  const { io, options, answer, remark, paint, paintError } = call;
  const text = (name: string, otherwise: string): string => String(options[name] ?? otherwise);
  const request = {
    seed: options['seed'] === undefined ? randomInt(UINT32_MAX) : wholeNumber('--seed', text('seed', ''), 0, Number.MAX_SAFE_INTEGER),
    forMs: span('--for', text('for', '30s'), 1_000, HOUR_MS),
    ratePerS: wholeNumber('--rate', text('rate', '20'), 1, 200),
    minRunning: text('minRunning', '50%'),
    only: text('only', ''),
    faults: options['faults'] === undefined ? [] : text('faults', '').split(','),
    force: options['force'] === true,
    by: io.asker,
  };
  const isShown = io.isTerminal.stderr && options['json'] !== true;
  let found: StormVerdict__Output | undefined;
  const isStopped = await streamed(call, (admin, signal) => admin.runStorm(request, signal), ({ progress, verdict }) => {
    if (progress && isShown) io.stderr.write(`\r\u001B[K${formatProgress(progress, paintError)}`);
    if (verdict) found = verdict;
  }).finally(() => isShown && io.stderr.write('\r\u001B[K'));
  if (found === undefined) {
    if (!isStopped) throw new MeshError('SESSION_CLOSED', 'the node ended the storm before its verdict', { todo: 'see `mesh status`, and why with `mesh events`' });
    remark('stopped before the verdict; what went on is taken back');
    return FAILED;
  }
  const verdict = verdictLine(found);
  answer(verdict, () => formatVerdict(verdict, paint));
  return verdict.held ? DONE : FAILED;
}

/** To the end of the stream or a signal. @returns whether it was a signal */
async function streamed<T>({ ask, io }: Call, open: (admin: AdminClient, signal: AbortSignal) => AsyncIterable<T>, each: (item: T) => void): Promise<boolean> {
  const stop = watchForStop(io);
  try {
    await ask(async (admin) => {
      for await (const item of open(admin, stop.signal)) each(item);
    });
    return stop.signal.aborted;
  } finally {
    stop.forget();
  }
}

/** 0 where the node's default is wanted. */
function numberOf({ options }: Call, name: string): number {
  return options[name] === undefined ? 0 : wholeNumber(`--${name}`, String(options[name]), 1, UINT32_MAX);
}
