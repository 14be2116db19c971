/** Queries that nodes put to nodes, and no program ever sees. */
import type { MemberTable } from '../member-table.ts';
import type { KeyChange, KeyOutcome } from '../wire/keyring.ts';
import { decodeKeyRequest, encodeConflictResponse, encodeKeyRequest, encodeKeyResponse, type KeyResponse, type Query } from './serf-messages.ts';

const PREFIX = '_serf_';

/** Where is the node of this name? Whoever hears the `ping` beside it acks it, as any query. */
const CONFLICT = `${PREFIX}conflict`;
const LIST_KEYS = `${PREFIX}list-keys`;

const KEY_CHANGES: ReadonlyMap<string, KeyChange['kind']> = new Map([
  [`${PREFIX}install-key`, 'install'],
  [`${PREFIX}use-key`, 'use'],
  [`${PREFIX}remove-key`, 'remove'],
]);

/** The keys that this node encrypts with. */
export interface KeyAccess {
  change(change: KeyChange): KeyOutcome | 'not-encrypted';
  /** In base64, the one that encrypts first; undefined when nothing is encrypted. Those of the trust domain are not told over gossip. */
  list(): readonly string[] | 'managed' | undefined;
}

export function isInternal(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** What is asked of all nodes. */
export function keyQuery(order: KeyChange | 'list'): Pick<Query, 'name' | 'payload'> {
  if (order === 'list') return { name: LIST_KEYS, payload: new Uint8Array(0) };
  return { name: `${PREFIX}${order.kind}-key`, payload: encodeKeyRequest(order.key) };
}

/** Put to all when another node has this one's name. */
export function conflictQuery(name: string): Pick<Query, 'name' | 'payload'> {
  return { name: CONFLICT, payload: Buffer.from(name) };
}

/** Whether the node that asks contests its own name. */
export function isVote({ name, payload, sourceNode }: Query): boolean {
  return name === CONFLICT && Buffer.from(payload).toString('utf8') === sourceNode;
}

/** What is not known is not answered, and lives in a later version. */
export function answerInternal({ name, payload }: Query, table: MemberTable, keys: KeyAccess): Uint8Array | 'nothing' {
  if (name === CONFLICT) return answerConflict(Buffer.from(payload).toString('utf8'), table);
  if (name === LIST_KEYS) return encodeKeyResponse(listed(keys));
  const kind = KEY_CHANGES.get(name);
  return kind === undefined ? 'nothing' : encodeKeyResponse(changed(kind, payload, keys));
}

function answerConflict(name: string, table: MemberTable): Uint8Array | 'nothing' {
  const member = table.get(name);
  // Who bears the name itself has no say in whose it is.
  if (member === undefined || member.name === table.self) return 'nothing';
  return encodeConflictResponse({ name: member.name, addr: member.addr, port: member.address.port });
}

const NO_KEYS = { keys: [], primaryKey: '' } as const;

function listed(keys: KeyAccess): KeyResponse {
  const list = keys.list();
  if (list === undefined || list === 'managed') return { ...NO_KEYS, result: false, message: MEANING[list ?? 'not-encrypted'] };
  return { result: true, message: '', keys: list, primaryKey: list[0] ?? '' };
}

function changed(kind: KeyChange['kind'], payload: Uint8Array, keys: KeyAccess): KeyResponse {
  const key = decodeKeyRequest(payload);
  if (typeof key === 'string') return { ...NO_KEYS, result: false, message: `the request cannot be read: ${key}` };
  const outcome = keys.change({ kind, key });
  return { ...NO_KEYS, result: outcome === 'changed' || outcome === 'same', message: MEANING[outcome] };
}

/** For people who look at another node's answer. */
const MEANING: Readonly<Record<KeyOutcome | 'not-encrypted', string>> = {
  changed: '',
  same: '',
  'bad-length': 'a key has 16, 24 or 32 bytes',
  'too-many': 'too many keys are installed: remove one first',
  'not-installed': 'this key is not installed here',
  'is-primary': 'this key is the one in use: use another first',
  managed: 'the keys here are those of the trust domain: they change by `mesh keys rotate`, and are shown to nobody',
  'not-encrypted': 'this node does not encrypt gossip: it was started without a key',
};
