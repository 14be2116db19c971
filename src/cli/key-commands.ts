/** Commands about the keys that gossip is encrypted with, on all members at once; as Serf's `keys`. */
import { MeshError } from '../errors.ts';
import type { KeysReply__Output } from '../transport/generated/omega/mesh/v1/KeysReply.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE, FAILED } from './exit-code.ts';
import { printable } from './paint.ts';

const KEY = /^[A-Za-z0-9+/]+={0,2}$/;

export const KEY_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'keys list',
    summary: 'list the keys of all members, with how many have each',
    example: 'mesh keys list',
    run: (call) => manageKeys(call, 'list'),
  },
  {
    words: 'keys install',
    operands: '<base64>',
    summary: 'have all members understand what is encrypted with this key',
    example: 'mesh keys install HvY8ubRZMgafUOWvrOadwOckVa1wN3QWAo46FVKbVN8=',
    run: (call) => manageKeys(call, 'install'),
  },
  {
    words: 'keys use',
    operands: '<base64>',
    summary: 'have all members encrypt with this key, which they must have',
    example: 'mesh keys use HvY8ubRZMgafUOWvrOadwOckVa1wN3QWAo46FVKbVN8=',
    run: (call) => manageKeys(call, 'use'),
  },
  {
    words: 'keys remove',
    operands: '<base64>',
    summary: 'have all members forget a key that none of them uses',
    example: 'mesh keys remove HvY8ubRZMgafUOWvrOadwOckVa1wN3QWAo46FVKbVN8=',
    run: (call) => manageKeys(call, 'remove'),
  },
  {
    words: 'keys rotate',
    summary: 'have gossip encrypted with a new key of the trust domain; on a node that holds the authority',
    example: 'mesh keys rotate',
    run: rotateKey,
  },
];

async function rotateKey({ ask, answer, remark }: Call): Promise<number> {
  const { fingerprint, peers, agreeing } = await ask((admin) => admin.rotateKey({}));
  answer({ fingerprint, peers, agreeing }, () => [`gossip is encrypted with the new key ${fingerprint}, which ${agreeing} of ${peers} peers have too`]);
  if (agreeing < peers) remark('the others are told again and again, until they have it');
  return DONE;
}

async function manageKeys({ ask, answer, remark, operands }: Call, action: string): Promise<number> {
  const [text = ''] = operands;
  // Not told back: it may be one with a slip in it.
  if (action !== 'list' && !KEY.test(text)) throw new MeshError('BAD_ARGUMENT', 'the key is no base64', { expected: 'base64 of 16, 24 or 32 bytes, as `openssl rand -base64 32` makes them' });
  const reply = await ask((admin) => admin.manageKeys({ action, key: Buffer.from(text, 'base64') }));
  const refused = reply.answers.filter(({ ok }) => !ok).map(({ node, message }) => ({ node, message }));
  const missing = Math.max(0, reply.members - reply.answers.length);
  const keys = action === 'list' ? counted(reply) : undefined;
  const done = reply.answers.length - refused.length;
  answer({ members: reply.members, answered: reply.answers.length, refused, ...(keys === undefined ? {} : { keys }) }, () =>
    keys === undefined ? [`${done} of ${reply.members} members have done it`] : keys.map(({ key, members, primary }) => `${printable(key)}  ${members} of ${reply.members} members, used by ${primary}`),
  );
  for (const { node, message } of refused) remark(`${printable(node)}: ${printable(message)}`);
  if (missing > 0) remark(`${missing} of ${reply.members} members have not answered`);
  return refused.length === 0 && missing === 0 ? DONE : FAILED;
}

function counted({ answers }: KeysReply__Output): { key: string; members: number; primary: number }[] {
  const all = new Set(answers.flatMap(({ keys }) => keys));
  return [...all].map((key) => ({
    key,
    members: answers.filter(({ keys }) => keys.includes(key)).length,
    primary: answers.filter(({ primaryKey }) => primaryKey === key).length,
  }));
}
