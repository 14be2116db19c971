/** What operators want of Serf: checked, asked of membership, and what does not come at once waited for at the desk. */
import { MeshError } from '../../errors.ts';
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { KeysReply } from '../../transport/generated/omega/mesh/v1/KeysReply.ts';
import type { QueryRequest__Output } from '../../transport/generated/omega/mesh/v1/QueryRequest.ts';
import type { SerfHandler } from '../../transport/serf-service.ts';
import type { MembershipRequest, TagFault } from '../membership/membership-messages.ts';
import type { QueryOrder } from '../membership/serf/serf-effects.ts';
import type { SerfOrder, SerfOutcome } from '../membership/serf/serf-orders.ts';
import type { KeyRotated, KeysRequest } from '../trust/key-messages.ts';
import { answered, ROOM_TIMEOUT_MS } from './room-answer.ts';
import type { SerfDeskMessage } from './serf-desk-actor.ts';
import { serfFault } from './serf-fault.ts';

export interface SerfRequestsOptions {
  /** Name of this node. */
  readonly node: string;
  readonly membership: ActorRef<MembershipRequest>;
  readonly desk: ActorRef<SerfDeskMessage>;
  readonly keys: ActorRef<KeysRequest>;
}

/** Those that begin so are the nodes' own. */
const INTERNAL = '_serf_';
const TIMEOUT_MAX_MS = 10 * 60_000;
const RELAY_FACTOR_MAX = 8;
const KEY_ACTIONS = ['install', 'use', 'remove'] as const;
/** AES-128, AES-192, AES-256. */
const KEY_BYTES: ReadonlySet<number> = new Set([16, 24, 32]);
/** Its query stays open for 20 s in a mesh of a thousand on a slow network. */
const KEYS_TIMEOUT_MS = 50_000;
/** Peers have five seconds to say that they hold it. */
const ROTATE_TIMEOUT_MS = 8_000;
/** What of a node's tags is not the operator's: peers rely on it. */
const FIXED_TAGS: Readonly<Record<string, string>> = { '': 'a tag needs a name', grpc: 'grpc is where other nodes find this one', sig: 'sig is how other nodes know that this one said it' };

export function serfRequests({ node, membership, desk, keys }: SerfRequestsOptions): SerfHandler {
  const order = async (wanted: SerfOrder, what: 'event' | 'answer' | 'goodbye', member?: string): Promise<Record<string, never>> => {
    const outcome = await answered(membership.ask((reply: Reply<SerfOutcome>) => ({ kind: 'order', order: wanted, reply }), ROOM_TIMEOUT_MS));
    if (outcome !== 'done') throw serfFault(outcome, what, member);
    return {};
  };
  const open = (message: SerfDeskMessage, sink: AdminSink<never>): void => {
    if (desk.send(message) !== 'accepted') sink.close(new MeshError('OVERLOADED', 'the node is too busy for another stream', { todo: 'try again later' }));
  };
  return {
    sendUserEvent: ({ name, payload, coalesce }) => order({ kind: 'send-event', name: named(name), payload, coalesce }, 'event'),
    followUserEvents: ({ name }, sink) => open({ kind: 'follow', name, sink }, sink),
    runQuery: (request, sink) => open({ kind: 'put-query', query: queryOf(request), sink }, sink),
    answerQuery: ({ lTime, id, payload }) => order({ kind: 'answer', lTime, id, payload }, 'answer'),
    forceLeave: ({ name, prune }) => order({ kind: 'force-leave', member: name, prune }, 'goodbye', name),

    async getRtt({ from, to: given }) {
      const to = given === '' ? node : given;
      const rttMs = await answered(membership.ask((reply: Reply<number | null>) => ({ kind: 'rtt', from, to, reply }), ROOM_TIMEOUT_MS));
      if (rttMs === null) {
        throw new MeshError('NOT_FOUND', `the way between ${from} and ${to} is not known`, { given: `${from} ${to}`, expected: 'two members that this node has pinged', todo: 'see who is there with `mesh members`; each is pinged once in as many seconds as there are members' });
      }
      return { from, to, rttMs };
    },

    manageKeys: ({ action, key }) => {
      const change = action === 'list' ? ('list' as const) : KEY_ACTIONS.find((known) => known === action);
      if (change === undefined) throw outside('the action', action, ['list', ...KEY_ACTIONS].join(', '));
      if (change !== 'list' && !KEY_BYTES.has(key.length)) throw new MeshError('BAD_ARGUMENT', `the key has ${key.length} bytes`, { given: `${key.length} bytes`, expected: '16, 24 or 32 bytes' });
      return answered(desk.ask((reply: Reply<KeysReply | MeshError>) => ({ kind: 'ask-keys', action: change === 'list' ? change : { kind: change, key }, reply }), KEYS_TIMEOUT_MS));
    },

    rotateKey: () => answered(keys.ask((reply: Reply<KeyRotated | MeshError>) => ({ kind: 'rotate', reply }), ROTATE_TIMEOUT_MS)),

    async changeTags({ set, remove }) {
      const fixed = [...Object.keys(set), ...remove].find((tag) => Object.hasOwn(FIXED_TAGS, tag));
      if (fixed !== undefined) throw new MeshError('REFUSED', FIXED_TAGS[fixed]!, { given: fixed, todo: 'take another name' });
      const changes = { ...set, ...Object.fromEntries(remove.map((tag) => [tag, null])) };
      const tags = await answered(membership.ask((reply: Reply<Readonly<Record<string, string>> | TagFault>) => ({ kind: 'change-tags', changes, reply }), ROOM_TIMEOUT_MS));
      if (tags === 'too-large') throw new MeshError('TOO_LARGE', 'the tags would not fit into an announcement', { expected: 'at most 407 bytes, all of them', todo: 'use fewer or shorter tags' });
      if (tags === 'not-kept') throw new MeshError('DATA_DIR_UNUSABLE', 'the data directory does not take the tags', { todo: 'see the log of the node for the reason' });
      return { tags: { ...tags } };
    },
  };
}

function queryOf({ name, payload, nodes, tags, wantsAck, relayFactor, timeoutMs }: QueryRequest__Output): QueryOrder {
  if (relayFactor > RELAY_FACTOR_MAX) throw outside('the relay factor', String(relayFactor), `at most ${RELAY_FACTOR_MAX}`);
  if (timeoutMs < 0 || timeoutMs > TIMEOUT_MAX_MS) throw outside('the time-out', String(timeoutMs), `at most ${TIMEOUT_MAX_MS} ms`);
  return { name: named(name), payload, nodes, tags, wantsAck, relayFactor, timeoutMs: timeoutMs === 0 ? undefined : timeoutMs };
}

function named(name: string): string {
  if (name === '' || name.startsWith(INTERNAL)) throw outside('the name', name, `some text that does not begin with ${INTERNAL}`);
  return name;
}

function outside(what: string, given: string, expected: string): MeshError {
  return new MeshError('BAD_ARGUMENT', `${what} is ${JSON.stringify(given)}`, { given, expected });
}
