/** Commands about what the programs of a mesh tell and ask each other, as Serf's users know them. */
import { spawn } from 'node:child_process';
import { MeshError } from '../errors.ts';
import type { HeardQuery__Output } from '../transport/generated/omega/mesh/v1/HeardQuery.ts';
import type { AdminClient } from '../transport/grpc-client.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatHeard, formatQueryItem, heardLine, queryLine, words } from './format-serf.ts';
import { labels, span, wholeNumber } from './option-value.ts';
import { printable } from './paint.ts';

const TIMEOUT_MAX_MS = 10 * 60_000;
const RELAY_FACTOR_MAX = 8;
/** Of what a command prints, no more is held: a longer answer is refused by the node, which says so. */
const OUTPUT_BYTES_MAX = 64 * 1024;

export const SERF_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'event',
    operands: '[name] [payload]',
    summary: 'send an event to every member, or with --follow print the events and queries that come',
    options: [
      { flags: '--follow', summary: 'print what comes from now on, or only that of the name' },
      { flags: '--coalesce', summary: 'of several of this name that come together, only the last counts' },
    ],
    example: 'mesh event deploy v1.2.3',
    run: runEvent,
  },
  {
    words: 'query',
    operands: '<name> [payload]',
    summary: 'ask every member, and print who has heard and what each answers',
    options: [
      { flags: '--timeout <time>', summary: 'how long to wait for answers, such as 5s (default: by the size of the mesh)' },
      { flags: '--node <name>', summary: 'only this member; may be repeated', isRepeatable: true },
      { flags: '--tag <key=expression>', summary: 'only members whose tag matches the expression (RE2); may be repeated', isRepeatable: true },
      { flags: '--no-ack', summary: 'do not ask each to say that it has heard' },
      { flags: '--relay <n>', summary: `have each answer brought by as many other members too, up to ${RELAY_FACTOR_MAX}` },
    ],
    example: 'mesh query load --tag role=web --timeout 2s',
    run: runQuery,
  },
  {
    words: 'answer',
    operands: '<name> <command...>',
    summary: 'answer every query of a name with what a command prints; the payload is its standard input',
    example: 'mesh answer load uptime',
    run: runAnswer,
  },
  {
    words: 'rtt',
    operands: '<member> [other]',
    summary: 'estimate the round trip between two members, or between one and this node',
    example: 'mesh rtt b',
    run: async ({ ask, answer, operands }) => {
      const [from = '', to = ''] = operands;
      const reply = await ask((admin) => admin.getRtt({ from, to }));
      const rttMs = Math.round(reply.rttMs * 1_000) / 1_000;
      answer({ from: reply.from, to: reply.to, rttMs }, () => [`${printable(reply.from)} <-> ${printable(reply.to)}: about ${rttMs.toFixed(3)} ms`]);
      return DONE;
    },
  },
  {
    words: 'tags',
    summary: 'list what this node tells the members about itself; `tags set` and `tags delete` change it',
    example: 'mesh tags',
    run: (call) => changeTags(call, {}, []),
  },
  {
    words: 'tags set',
    operands: '<pairs...>',
    summary: 'set tags of this node, key=value each; they are kept when it restarts',
    example: 'mesh tags set role=web zone=eu',
    run: (call) => changeTags(call, labels('a tag', call.operands), []),
  },
  {
    words: 'tags delete',
    operands: '<keys...>',
    summary: 'take tags of this node away, for good',
    example: 'mesh tags delete zone',
    run: (call) => changeTags(call, {}, call.operands),
  },
];

async function runEvent({ ask, follow, answer, answerOne, operands, options }: Call): Promise<number> {
  const [name = '', payload = ''] = operands;
  if (options['follow'] === true) {
    return follow((admin, signal) => admin.followUserEvents({ name }, signal), (item) => {
      const line = heardLine(item);
      answerOne(line, () => formatHeard(line));
    });
  }
  if (name === '') throw new MeshError('BAD_ARGUMENT', 'an event needs a name', { todo: 'give one, or follow those that come with --follow' });
  const coalesce = options['coalesce'] === true;
  await ask((admin) => admin.sendUserEvent({ name, payload: Buffer.from(payload), coalesce }));
  answer({ name, coalesce }, () => [`sent ${printable(name)}`]);
  return DONE;
}

async function runQuery({ follow, answerOne, operands, options }: Call): Promise<number> {
  const [name = '', payload = ''] = operands;
  const request = {
    name,
    payload: Buffer.from(payload),
    nodes: listOf(options['node']),
    tags: labels('--tag', listOf(options['tag'])),
    wantsAck: options['ack'] !== false,
    relayFactor: options['relay'] === undefined ? 0 : wholeNumber('--relay', String(options['relay']), 0, RELAY_FACTOR_MAX),
    timeoutMs: options['timeout'] === undefined ? 0 : span('--timeout', String(options['timeout']), 1, TIMEOUT_MAX_MS),
  };
  return follow((admin, signal) => admin.runQuery(request, signal), (item) => {
    const line = queryLine(item);
    answerOne(line, () => formatQueryItem(line));
    return line.type === 'over' ? 'over' : undefined;
  });
}

/** Queries wait for their turn: a command is run once at a time. */
async function runAnswer({ io, connect, follow, answerOne, remark, operands }: Call): Promise<number> {
  const [name = '', ...command] = operands;
  const admin = await connect();
  let turn = Promise.resolve();
  try {
    return await follow((client, signal) => client.followUserEvents({ name }, signal), ({ query }) => {
      if (query === null || query === undefined) return;
      turn = turn.then(() => answerOnce(admin, query, command, io.env)).then(
        () => answerOne({ type: 'answered', name, from: query.from }, () => `answered ${printable(query.from)}`),
        (error: Error) => remark(`not answered: ${error.message}`),
      );
    });
  } finally {
    await turn;
    admin.close();
  }
}

async function answerOnce(admin: AdminClient, query: HeardQuery__Output, command: readonly string[], env: Call['io']['env']): Promise<void> {
  const payload = await outputOf(command, query, env);
  await admin.answerQuery({ lTime: query.lTime, id: query.id, payload });
}

function outputOf([file = '', ...args]: readonly string[], query: HeardQuery__Output, env: Call['io']['env']): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { ...env, SERF_QUERY_NAME: query.name, SERF_QUERY_LTIME: String(query.lTime) }, stdio: ['pipe', 'pipe', 'inherit'], timeout: Math.max(1, query.timeoutMs) });
    const parts: Buffer[] = [];
    let bytes = 0;
    child.on('error', reject);
    child.stdout.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= OUTPUT_BYTES_MAX) parts.push(part);
    });
    // A command need not read what it is given.
    child.stdin.on('error', () => undefined);
    child.stdin.end(query.payload);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(parts));
      else reject(new Error(`${file} ended with ${signal ?? code}`));
    });
  });
}

async function changeTags({ ask, answer, remark }: Call, set: Readonly<Record<string, string>>, remove: readonly string[]): Promise<number> {
  const { tags } = await ask((admin) => admin.changeTags({ set, remove: [...remove] }));
  const lines = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (lines.length === 0) remark('this node has no tags');
  answer(Object.fromEntries(lines), () => lines.map(([key, value]) => words(`${key}=${value}`)));
  return DONE;
}

function listOf(option: Call['options'][string]): string[] {
  return Array.isArray(option) ? option.map(String) : [];
}
