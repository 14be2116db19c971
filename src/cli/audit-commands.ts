/** Commands about the audit log of a node: they read its file, so that a node that is down can be asked about too. */
import { setTimeout as delay } from 'node:timers/promises';
import { existsSync } from 'node:fs';
import { auditFileOf, readAudit, verifyAudit } from '../data-dir/audit-log.ts';
import type { AuditEntry } from '../data-dir/audit-chain.ts';
import { absolutePath } from '../config/home-path.ts';
import { MeshError } from '../errors.ts';
import { systemErrorMeaning } from '../system-error.ts';
import type { Call, CommandSpec } from './command.ts';
import { counted } from './counted.ts';
import { DONE, FAILED } from './exit-code.ts';
import { wholeNumber } from './option-value.ts';
import { printable } from './paint.ts';
import { watchForStop } from './stop-signal.ts';
import { placeOf } from './trail.ts';

const TAIL_DEFAULT = 20;
const TAIL_MAX = 100_000;
const LOOK_EVERY_MS = 200;
const HASH = /^[0-9a-f]{64}$/;

export const AUDIT_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'audit tail',
    isLocal: true,
    summary: 'print who did what to this node, and what became of it, the newest last',
    options: [
      { flags: '--follow', summary: 'go on with each entry as it is written' },
      { flags: '--limit <n>', summary: `begin with at most this many (default: ${TAIL_DEFAULT})` },
    ],
    example: 'mesh audit tail --follow',
    run: tail,
  },
  {
    words: 'audit verify',
    isLocal: true,
    operands: '[file]',
    summary: 'go along the audit log of this node, or one that was kept elsewhere, and name the first line that was altered, taken out or moved',
    options: [{ flags: '--expect <hash>', summary: 'the entry of this hash, which was noted elsewhere, must be in it' }],
    example: 'mesh audit verify',
    run: verify,
  },
];

async function tail(call: Call): Promise<number> {
  const { options, answerOne, remark, io } = call;
  const limit = options['limit'] === undefined ? TAIL_DEFAULT : wholeNumber('--limit', String(options['limit']), 1, TAIL_MAX);
  const named = namedDirOf(call);
  const file = auditFileOf(named ?? placeOf(call).dataDir);
  if (named !== undefined && !existsSync(file)) throw noAudit(file);
  const print = (entries: readonly AuditEntry[]): void => {
    for (const entry of entries) answerOne(shown(entry), () => formatEntry(entry, call));
  };
  let left = limit;
  const begun = readable(file, () => readAudit(file, () => (left-- > 0 ? 'take' : 'enough')));
  if (begun.length === 0) remark('nothing is written in the audit log yet');
  print(begun);
  if (options['follow'] !== true) return DONE;
  const stop = watchForStop(io);
  try {
    let last = begun.at(-1)?.sequence ?? 0;
    while (!stop.signal.aborted) {
      const next = readAudit(file, ({ sequence }) => (sequence > last ? 'take' : 'enough'));
      last = next.at(-1)?.sequence ?? last;
      print(next);
      await io.drained(stop.signal);
      await delay(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
    return DONE;
  } finally {
    stop.forget();
  }
}

function verify(call: Call): Promise<number> {
  const { operands, options, answer, remark, io } = call;
  const expected = options['expect'] === undefined ? undefined : String(options['expect']);
  if (expected !== undefined && !HASH.test(expected)) throw new MeshError('BAD_ARGUMENT', `--expect is "${expected}"`, { given: expected, expected: '64 digits of a hash, as `mesh audit verify` shows it' });
  const file = operands[0] === undefined ? auditFileOf(namedDirOf(call) ?? placeOf(call).dataDir) : absolutePath(operands[0], io.home);
  if (!existsSync(file)) throw noAudit(file);
  const { entries, first, head, remarks, broken } = readable(file, () => verifyAudit(file, expected));
  for (const text of remarks) remark(text);
  answer({ file, isWhole: broken === undefined, entries, first, last: head.sequence, hash: head.hash, remarks, broken: broken ?? null }, () =>
    broken === undefined
      ? [`${file} is whole: ${counted(entries, 'entry', 'entries')}, ${first} to ${head.sequence}`, `hash of the last: ${head.hash}`]
      : [`broken at ${broken.file} line ${broken.line}: ${broken.why}`, `whole before it: ${counted(entries, 'entry', 'entries')}`],
  );
  return Promise.resolve(broken === undefined ? DONE : FAILED);
}

/** Whether a node runs there or not, and whatever else it has left. */
function namedDirOf({ io, options }: Call): string | undefined {
  const chosen = options['dataDir'] ?? io.env['MESH_DATA_DIR'];
  return typeof chosen === 'string' && chosen !== '' ? absolutePath(chosen, io.home) : undefined;
}

function noAudit(file: string): MeshError {
  return new MeshError('NOT_FOUND', `there is no audit log at ${file}: no node has run there`, { given: file, todo: 'name the directory of a node with --data-dir' });
}

/** Without what only the chain needs. */
function shown({ previous: _previous, ...entry }: AuditEntry): Omit<AuditEntry, 'previous'> {
  return entry;
}

function formatEntry({ at, sequence, who, what, subject, outcome, detail, heldBack, lost }: AuditEntry, { paint }: Call): string {
  const done = outcome === 'refused' || outcome === 'failed' ? paint.red(outcome) : outcome;
  const more = [detail, heldBack && `${heldBack} more were refused before it`, lost && `${lost} entries before it were lost`].filter((text) => text !== undefined);
  const words = [what, subject, 'by', who].filter((text) => text !== undefined).map(printable).join(' ');
  return `${paint.dim(`${at} #${sequence}`)} ${done} ${words}${more.length === 0 ? '' : `: ${printable(more.join('; '))}`}`;
}

function readable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new MeshError('DATA_DIR_UNUSABLE', `cannot read ${file}: ${systemErrorMeaning(error) ?? (error as Error).message}`, { given: file, cause: error });
  }
}
