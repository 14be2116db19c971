/** Commands about what happened in a node: what ended, why, and what goes on. */
import { findMeshError, MeshError } from '../errors.ts';
import { nearestWord } from '../nearest-word.ts';
import type { EventsItem__Output } from '../transport/generated/omega/mesh/v1/EventsItem.ts';
import type { TreeNode__Output } from '../transport/generated/omega/mesh/v1/TreeNode.ts';
import type { Call, CommandSpec } from './command.ts';
import { recordOfWire } from './event-record.ts';
import { DONE } from './exit-code.ts';
import { formatEvent, formatGap, formatHistory } from './format-events.ts';
import { formatWhy, wrapped } from './format-why.ts';
import { readNodeCrash } from './node-crash.ts';
import { wholeNumber } from './option-value.ts';
import { readTrail } from './trail.ts';
import type { Trail } from './trail.ts';
import { historyLine, whyView } from './views.ts';
import { whyFacts } from './why.ts';
import type { NowFacts } from './why.ts';

/** What the node itself keeps is bounded; this bounds the question. */
const HISTORY_MAX = 10_000;
const HISTORY_DEFAULT = 100;
/** Of the actor itself: enough to count by. Of those around it: enough to find what took it along. */
const WHY_OWN = 1_000;
const WHY_AROUND = 2_000;

export const EVENT_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'history',
    operands: '[path]',
    summary: 'list crashes and restarts with their causes, the newest last, those of earlier runs of the node too',
    options: [{ flags: '--limit <n>', summary: `show at most this many (default: ${HISTORY_DEFAULT})` }],
    example: 'mesh history --limit 20',
    run: async (call) => {
      const { operands, options, answer, remark, paint } = call;
      const limit = options['limit'] === undefined ? HISTORY_DEFAULT : wholeNumber('--limit', String(options['limit']), 1, HISTORY_MAX);
      const path = operands[0] ?? '/';
      const { records, boot, unknown } = await readTrail(call, [{ path, limit }]);
      if (records.length === 0 && unknown !== undefined) throw unknown;
      const lines = records.map((record) => historyLine(record, boot));
      if (lines.length === 0) remark('nothing has crashed or been restarted');
      answer(lines, () => (lines.length === 0 ? [] : formatHistory(lines, paint)));
      return DONE;
    },
  },
  {
    words: 'why',
    operands: '<path>',
    summary: 'say why an actor ended: when, how often, over what, what its supervisor did, and how it is now',
    example: 'mesh why /bus/subjects',
    run: async (call) => {
      const path = call.operands[0]!;
      const trail = await readTrail(call, [{ path, limit: WHY_OWN }, { path: '/', limit: WHY_AROUND }]);
      const now = trail.boot === undefined ? null : await nowOf(call, path);
      const crash = path === '/' && trail.dataDir !== undefined ? readNodeCrash(trail.dataDir) : undefined;
      const facts = whyFacts({ path, records: trail.records, now, boot: trail.boot, atMs: Date.now(), crash });
      if (facts === undefined) throw trail.unknown ?? neverHeardOf(path, trail);
      call.answer(whyView(facts), () => wrapped(formatWhy(facts), call.io.columns));
      return DONE;
    },
  },
  {
    words: 'events',
    summary: 'print what supervision saw since the node started, and go on as it happens',
    options: [
      { flags: '--follow', summary: 'go on with each event as it comes' },
      { flags: '--path <path>', summary: 'only of this actor and those below it' },
      { flags: '--type <type>', summary: 'only of this type; may be repeated', isRepeatable: true },
      { flags: '--since <n>', summary: 'only what came after the event of this number' },
    ],
    example: 'mesh events --type crash --type restart',
    run: printEvents,
  },
];

async function printEvents({ options, ask, follow, answerOne, paint }: Call): Promise<number> {
  const since = options['since'] === undefined ? 0 : wholeNumber('--since', String(options['since']), 0, Number.MAX_SAFE_INTEGER);
  const request = { path: textOf(options['path']), types: listOf(options['type']), since, follow: options['follow'] === true };
  let last = since;
  const each = ({ event, gap }: EventsItem__Output): void => {
    if (gap) {
      last = gap.to;
      answerOne({ type: 'gap', lost: gap.lost, from: gap.from, to: gap.to }, () => formatGap(gap, paint));
    }
    if (event) {
      last = event.sequence;
      // All are of the run that goes on.
      const { boot: _boot, isEarlierRun: _isEarlierRun, ...line } = historyLine(recordOfWire(event, ''), '');
      answerOne(line, () => formatEvent(line, paint));
    }
  };
  try {
    if (request.follow) return await follow((admin, signal) => admin.listEvents(request, signal), each);
    await ask(async (admin) => {
      for await (const item of admin.listEvents(request)) each(item);
    });
    return DONE;
  } catch (error) {
    const fault = findMeshError(error);
    if (fault === undefined || last === 0 || !['SESSION_CLOSED', 'NODE_UNREACHABLE'].includes(fault.code)) throw error;
    throw new MeshError(fault.code, fault.message, { todo: `go on, while the node is the same run, with --since ${last}`, cause: error });
  }
}

async function nowOf(call: Call, path: string): Promise<NowFacts | null> {
  let node: TreeNode__Output;
  try {
    node = await call.ask((admin) => admin.getTree({ path }));
  } catch (error) {
    if (findMeshError(error)?.code === 'UNKNOWN_PATH') return null;
    throw error;
  }
  const { status, life, restarts, uptimeMs, mailbox, processed } = node;
  return { status, life, restarts, uptimeMs: Math.round(uptimeMs), mailbox, processed };
}

function neverHeardOf(path: string, { records }: Trail): MeshError {
  const nearest = nearestWord(path, [...new Set(records.map((record) => record.path))]);
  return new MeshError('UNKNOWN_PATH', `nothing is known of ${path}`, {
    given: path,
    todo: `${nearest === undefined ? '' : `did you mean ${nearest}? `}see what is known with: mesh history`,
  });
}

function textOf(option: Call['options'][string]): string {
  return typeof option === 'string' ? option : '';
}

function listOf(option: Call['options'][string]): string[] {
  return Array.isArray(option) ? option.map(String) : [];
}
