/**
 * Where operators wait for what other nodes say: those who follow events, and those who have put a query. Membership
 * may run in a thread of its own, where no stream can go; what it hears comes here as a message.
 */
import { MeshError } from '../../errors.ts';
import type { ActorContext, ActorRef, Behavior, Reply } from '../../supervision/behavior.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { HeardItem } from '../../transport/generated/omega/mesh/v1/HeardItem.ts';
import type { QueryItem } from '../../transport/generated/omega/mesh/v1/QueryItem.ts';
import type { MembershipRequest, SerfHeard } from '../membership/membership-messages.ts';
import type { QueryOrder, SerfNews } from '../membership/serf/serf-effects.ts';
import type { SerfOutcome } from '../membership/serf/serf-orders.ts';
import { answered, ROOM_TIMEOUT_MS } from './room-answer.ts';
import { serfFault } from './serf-fault.ts';

export type SerfDeskMessage =
  | SerfHeard
  /** @param name of the events and queries; empty for all */
  | { readonly kind: 'follow'; readonly name: string; readonly sink: AdminSink<HeardItem> }
  | { readonly kind: 'put-query'; readonly query: QueryOrder; readonly sink: AdminSink<QueryItem> }
  | { readonly kind: 'query-refused'; readonly stream: string; readonly fault: MeshError }
  | { readonly kind: 'query-taken' }
  | { readonly kind: 'closed'; readonly stream: string };

interface Desk {
  /** By stream. */
  readonly followers: Map<string, { readonly name: string; readonly sink: AdminSink<HeardItem> }>;
  readonly queries: Map<string, AdminSink<QueryItem>>;
  streams: number;
}

/** Each hears every event. */
const FOLLOWERS_MAX = 256;

type Context = ActorContext<SerfDeskMessage>;

export function serfDeskActor(options: { readonly membership: ActorRef<MembershipRequest> }): Behavior<Desk, SerfDeskMessage> {
  return {
    init(context) {
      const desk: Desk = { followers: new Map(), queries: new Map(), streams: 0 };
      context.own(() => {
        const fault = new MeshError('OVERLOADED', 'the node restarts what this stream came from', { todo: 'try again' });
        for (const { sink } of desk.followers.values()) sink.close(fault);
        for (const sink of desk.queries.values()) sink.close(fault);
      });
      return desk;
    },
    receive(desk, message, context) {
      hear(desk, message, options.membership, context);
      return desk;
    },
    signal(desk, signal) {
      // Membership is all that is monitored, and its life that knew of the queries has ended.
      if (signal.kind === 'down') for (const sink of desk.queries.values()) sink.close(restarted());
      return desk;
    },
    view: ({ followers, queries }) => ({ followers: followers.size, queries: queries.size }),
  };
}

function hear(desk: Desk, message: SerfDeskMessage, membership: ActorRef<MembershipRequest>, context: Context): void {
  switch (message.kind) {
    case 'follow':
      if (desk.followers.size >= FOLLOWERS_MAX) return message.sink.close(new MeshError('OVERLOADED', `${FOLLOWERS_MAX} operators follow events`, { todo: 'close one first' }));
      desk.followers.set(nameStream(desk, message.sink, context), message);
      return;
    case 'put-query':
      return putQuery(desk, message, membership, context);
    case 'query-refused':
      desk.queries.get(message.stream)?.close(message.fault);
      return;
    case 'query-taken':
      return;
    case 'closed':
      desk.followers.delete(message.stream);
      desk.queries.delete(message.stream);
      return;
    case 'serf-heard':
      return spread(desk, message.news);
  }
}

function putQuery(desk: Desk, { query, sink }: Extract<SerfDeskMessage, { kind: 'put-query' }>, membership: ActorRef<MembershipRequest>, context: Context): void {
  const stream = nameStream(desk, sink, context);
  desk.queries.set(stream, sink);
  // First: the life that is asked is the one whose end is heard of.
  context.monitor(membership);
  const taken = membership
    .ask((reply: Reply<SerfOutcome>) => ({ kind: 'order', order: { kind: 'ask', asker: stream, query }, reply }), ROOM_TIMEOUT_MS)
    .then((outcome) => (outcome === 'done' ? undefined : serfFault(outcome, 'query')));
  const refused = (fault: MeshError): SerfDeskMessage => ({ kind: 'query-refused', stream, fault });
  context.pipe(answered(taken), () => ({ kind: 'query-taken' }), (error) => refused(error instanceof MeshError ? error : restarted()));
}

function spread(desk: Desk, news: SerfNews): void {
  if (news.type === 'event' || news.type === 'query') {
    const item = heardItem(news);
    for (const { name, sink } of desk.followers.values()) {
      if (name !== '' && name !== news.name) continue;
      if (!sink.send(item)) sink.close(new MeshError('OVERLOADED', 'events came faster than they were read', { todo: 'follow again' }));
    }
    return;
  }
  const sink = desk.queries.get(news.asker);
  sink?.send(queryItem(news));
  if (news.type === 'over') sink?.close();
}

function heardItem(news: Extract<SerfNews, { type: 'event' | 'query' }>): HeardItem {
  const payload = Buffer.from(news.payload);
  if (news.type === 'event') return { event: { lTime: news.lTime, name: news.name, payload, coalesce: news.coalesce } };
  const { lTime, id, name, from, timeoutMs } = news;
  return { query: { lTime, id, name, payload, from, timeoutMs } };
}

function queryItem(news: Extract<SerfNews, { type: 'ack' | 'response' | 'over' }>): QueryItem {
  switch (news.type) {
    case 'ack':
      return { ack: { from: news.from } };
    case 'response':
      return { response: { from: news.from, payload: Buffer.from(news.payload) } };
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
