/**
 * Where operators wait for what other nodes say: those who follow events, and those who have put a query. Membership
 * may run in a thread of its own, where no stream can go; what it hears comes here as a message.
 */
import { MeshError } from '../../errors.ts';
import type { ActorContext, ActorRef, Behavior, Reply } from '../../supervision/behavior.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { HeardItem } from '../../transport/generated/omega/mesh/v1/HeardItem.ts';
import type { KeysAnswer } from '../../transport/generated/omega/mesh/v1/KeysAnswer.ts';
import type { KeysReply } from '../../transport/generated/omega/mesh/v1/KeysReply.ts';
import type { QueryItem } from '../../transport/generated/omega/mesh/v1/QueryItem.ts';
import type { MembershipRequest, SerfHeard } from '../membership/membership-messages.ts';
import type { QueryOrder, SerfNews } from '../membership/serf/serf-effects.ts';
import type { SerfOrder, SerfOutcome } from '../membership/serf/serf-orders.ts';
import type { KeyChange } from '../membership/wire/keyring.ts';
import { answered, ROOM_TIMEOUT_MS } from './room-answer.ts';
import { serfFault } from './serf-fault.ts';

export type SerfDeskMessage =
  | SerfHeard
  /** @param name of the events and queries; empty for all */
  | { readonly kind: 'follow'; readonly name: string; readonly sink: AdminSink<HeardItem> }
  | { readonly kind: 'put-query'; readonly query: QueryOrder; readonly sink: AdminSink<QueryItem> }
  /** Answered when all members have, or when the time of the query is up. */
  | { readonly kind: 'ask-keys'; readonly action: KeyChange | 'list'; readonly reply: Reply<KeysReply | MeshError> }
  | { readonly kind: 'query-refused'; readonly stream: string; readonly fault: MeshError }
  | { readonly kind: 'query-taken' }
  | { readonly kind: 'closed'; readonly stream: string };

interface Desk {
  /** By stream. */
  readonly followers: Map<string, { readonly name: string; readonly sink: AdminSink<HeardItem> }>;
  readonly queries: Map<string, AdminSink<QueryItem>>;
  readonly surveys: Map<string, { readonly answers: KeysAnswer[]; readonly reply: Reply<KeysReply | MeshError> }>;
  streams: number;
}

/** Each hears every event. */
const FOLLOWERS_MAX = 256;

type Context = ActorContext<SerfDeskMessage>;

export interface SerfDeskOptions {
  readonly membership: ActorRef<MembershipRequest>;
  /** Stops the node in order. */
  readonly stopNode: (by: string) => void;
}

export function serfDeskActor(options: SerfDeskOptions): Behavior<Desk, SerfDeskMessage> {
  return {
    init(context) {
      const desk: Desk = { followers: new Map(), queries: new Map(), surveys: new Map(), streams: 0 };
      context.own(() => {
        const fault = new MeshError('OVERLOADED', 'the node restarts what this stream came from', { todo: 'try again' });
        for (const { sink } of desk.followers.values()) sink.close(fault);
        for (const sink of desk.queries.values()) sink.close(fault);
      });
      return desk;
    },
    receive(desk, message, context) {
      hear(desk, message, options, context);
      return desk;
    },
    signal(desk, signal) {
      // Membership is all that is monitored, and its life that knew of the queries has ended.
      if (signal.kind !== 'down') return desk;
      for (const sink of desk.queries.values()) sink.close(restarted());
      for (const { reply } of desk.surveys.values()) reply(restarted());
      desk.surveys.clear();
      return desk;
    },
    view: ({ followers, queries }) => ({ followers: followers.size, queries: queries.size }),
  };
}

/** Another node has this one's name, and more members know that one: two of a name are worse than one less. */
function giveWay({ forMe, against }: Extract<SerfNews, { type: 'outvoted' }>, { stopNode }: SerfDeskOptions, { log }: Context): void {
  const reason = `another node has the name of this one, and ${against} members know that one, ${forMe} this one`;
  log.log('error', 'name-lost', { reason, todo: 'give each node a name of its own with --name' });
  stopNode('the vote of the members over its name');
}

function hear(desk: Desk, message: SerfDeskMessage, options: SerfDeskOptions, context: Context): void {
  const { membership } = options;
  switch (message.kind) {
    case 'follow':
      if (desk.followers.size >= FOLLOWERS_MAX) return message.sink.close(new MeshError('OVERLOADED', `${FOLLOWERS_MAX} operators follow events`, { todo: 'close one first' }));
      desk.followers.set(nameStream(desk, message.sink, context), message);
      return;
    case 'put-query':
      return putQuery(desk, message, membership, context);
    case 'ask-keys':
      return askKeys(desk, message, membership, context);
    case 'query-refused':
      desk.queries.get(message.stream)?.close(message.fault);
      desk.surveys.get(message.stream)?.reply(message.fault);
      desk.surveys.delete(message.stream);
      return;
    case 'query-taken':
      return;
    case 'closed':
      desk.followers.delete(message.stream);
      desk.queries.delete(message.stream);
      return;
    case 'serf-heard':
      if (message.news.type === 'outvoted') return giveWay(message.news, options, context);
      return spread(desk, message.news);
  }
}

function putQuery(desk: Desk, { query, sink }: Extract<SerfDeskMessage, { kind: 'put-query' }>, membership: ActorRef<MembershipRequest>, context: Context): void {
  const asker = nameStream(desk, sink, context);
  desk.queries.set(asker, sink);
  put({ kind: 'ask', asker, query }, asker, membership, context);
}

function askKeys(desk: Desk, { action, reply }: Extract<SerfDeskMessage, { kind: 'ask-keys' }>, membership: ActorRef<MembershipRequest>, context: Context): void {
  const asker = `desk-${context.life}-${++desk.streams}`;
  desk.surveys.set(asker, { answers: [], reply });
  put({ kind: 'keys', asker, action }, asker, membership, context);
}

function put(order: SerfOrder, stream: string, membership: ActorRef<MembershipRequest>, context: Context): void {
  // First: the life that is asked is the one whose end is heard of.
  context.monitor(membership);
  const taken = membership
    .ask((reply: Reply<SerfOutcome>) => ({ kind: 'order', order, reply }), ROOM_TIMEOUT_MS)
    .then((outcome) => (outcome === 'done' ? undefined : serfFault(outcome, 'query')));
  const refused = (fault: MeshError): SerfDeskMessage => ({ kind: 'query-refused', stream, fault });
  context.pipe(answered(taken), () => ({ kind: 'query-taken' }), (error) => refused(error instanceof MeshError ? error : restarted()));
}

function spread(desk: Desk, news: Exclude<SerfNews, { type: 'outvoted' }>): void {
  if (news.type === 'event' || news.type === 'query') {
    const item = heardItem(news);
    for (const { name, sink } of desk.followers.values()) {
      if (name !== '' && name !== news.name) continue;
      if (!sink.send(item)) sink.close(new MeshError('OVERLOADED', 'events came faster than they were read', { todo: 'follow again' }));
    }
    return;
  }
  const survey = desk.surveys.get(news.asker);
  if (survey !== undefined) return note(desk, survey, news);
  const sink = desk.queries.get(news.asker);
  const item = queryItem(news);
  if (item !== undefined) sink?.send(item);
  if (news.type === 'over') sink?.close();
}

function note(desk: Desk, { answers, reply }: { readonly answers: KeysAnswer[]; readonly reply: Reply<KeysReply | MeshError> }, news: Extract<SerfNews, { readonly asker: string }>): void {
  if (news.type === 'key-response') answers.push({ node: news.from, ok: news.result, message: news.message, keys: [...news.keys], primaryKey: news.primaryKey });
  if (news.type !== 'over') return;
  desk.surveys.delete(news.asker);
  reply({ members: news.members, answers });
}

function heardItem(news: Extract<SerfNews, { type: 'event' | 'query' }>): HeardItem {
  const payload = Buffer.from(news.payload);
  if (news.type === 'event') return { event: { lTime: news.lTime, name: news.name, payload, coalesce: news.coalesce } };
  const { lTime, id, name, from, timeoutMs } = news;
  return { query: { lTime, id, name, payload, from, timeoutMs } };
}

function queryItem(news: Extract<SerfNews, { readonly asker: string }>): QueryItem | undefined {
  switch (news.type) {
    case 'ack':
      return { ack: { from: news.from } };
    case 'response':
      return { response: { from: news.from, payload: Buffer.from(news.payload) } };
    case 'key-response':
      return undefined;
    case 'over':
      return { over: { acks: news.acks, responses: news.responses } };
  }
}

function nameStream(desk: Desk, sink: AdminSink<never>, context: Context): string {
  const stream = `desk-${context.life}-${++desk.streams}`;
  // Piped, because a mailbox that is full refuses what is sent, and the stream would stay here for ever.
  const closed = new Promise<void>((resolve) => sink.onClosed(resolve));
  const told = (): SerfDeskMessage => ({ kind: 'closed', stream });
  context.pipe(closed, told, told);
  return stream;
}

function restarted(): MeshError {
  return new MeshError('OVERLOADED', 'membership has restarted, and knows nothing of this query any more', { todo: 'ask again' });
}
