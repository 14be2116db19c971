/** Queries that nodes put to nodes, and no program ever sees. */
import type { MemberTable } from '../member-table.ts';
import { encodeConflictResponse, type Query } from './serf-messages.ts';

const PREFIX = '_serf_';

const INTERNAL_QUERY = {
  /** Whoever hears it acks it: who is reached by gossip? */
  ping: `${PREFIX}ping`,
  /** Where is the node of this name? */
  conflict: `${PREFIX}conflict`,
} as const;

export function isInternal(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** What is not known is not answered, and lives in a later version. */
export function answerInternal({ name, payload }: Query, table: MemberTable): Uint8Array | 'nothing' {
  if (name !== INTERNAL_QUERY.conflict) return 'nothing';
  const member = table.get(Buffer.from(payload).toString('utf8'));
  // Who bears the name itself has no say in whose it is.
  if (member === undefined || member.name === table.self) return 'nothing';
  return encodeConflictResponse({ name: member.name, addr: member.addr, port: member.address.port });
}
