/**
 * Who wants which subject, and where a message goes. Pure.
 *
 * 1. A message published here goes to the subscribers here and once to each peer that said it has some.
 * 2. A message from a peer goes to the subscribers here and nowhere else: sessions join all nodes pairwise, so nothing
 *    is forwarded and nothing can go round in a loop.
 * 3. Delivery is at most once: whatever has no room is dropped and counted.
 * 4. Interest is told on each change and again every `INTEREST_REPEAT_MS`: what was lost, or forgotten by a bus that
 *    restarted, is right again by then.
 */

export interface BusOptions {
  readonly self: string;
}

export type BusInput =
  | { readonly kind: 'subscribe'; readonly subject: string; readonly subscriber: string }
  | { readonly kind: 'unsubscribe'; readonly subject: string; readonly subscriber: string }
  | { readonly kind: 'subscriber-down'; readonly subscriber: string }
  | { readonly kind: 'publish'; readonly subject: string; readonly payload: Uint8Array }
  | { readonly kind: 'publish-to'; readonly node: string; readonly subject: string; readonly payload: Uint8Array }
  | { readonly kind: 'peer-up'; readonly node: string }
  | { readonly kind: 'peer-down'; readonly node: string }
  | { readonly kind: 'interest-arrived'; readonly node: string; readonly subjects: readonly string[] }
  | { readonly kind: 'message-arrived'; readonly node: string; readonly subject: string; readonly payload: Uint8Array }
  /** After `schedule-interest`, and once each `INTEREST_REPEAT_MS`. */
  | { readonly kind: 'tell-interest' };

export type BusEffect =
  | { readonly kind: 'deliver'; readonly subscriber: string; readonly subject: string; readonly payload: Uint8Array; readonly from: string }
  | { readonly kind: 'send-message'; readonly node: string; readonly subject: string; readonly payload: Uint8Array }
  | { readonly kind: 'send-interest'; readonly node: string; readonly subjects: readonly string[] }
  /** The subscriber's end must be told as `subscriber-down`. */
  | { readonly kind: 'watch'; readonly subscriber: string }
  /** Nothing is left that this subscriber wants, or what it asked was refused. */
  | { readonly kind: 'forget'; readonly subscriber: string }
  /** `tell-interest` must come back after the delay. */
  | { readonly kind: 'schedule-interest'; readonly delayMs: number };

type BusDrop = 'subject' | 'too-large' | 'subscriptions-full' | 'interest-full' | 'no-session';

/** A pair of subject and subscriber each; one operator tail is one, so this is a runaway subscriber. More are refused. */
const SUBSCRIPTIONS_MAX = 10_000;
/** Words that people type, as in NATS: a byte a character, so that 10,000 of them, 2.6 MB, fit one frame of gRPC's 4 MiB. */
const SUBJECT_PATTERN = /^[\x21-\x7e]{1,256}$/;
/** Leaves room in gRPC's 4 MiB frame and keeps one message from holding up a session for long. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;
/** Mostly a few words to each peer; short, because a bus that restarted sends nobody anything until it is told. */
export const INTEREST_REPEAT_MS = 2_000;
/** Many subscriptions at once (a node's start) become one frame per peer; a person does not notice the wait. */
const INTEREST_COALESCE_MS = 20;

const NONE: readonly BusEffect[] = [];

export class Bus {
  readonly #self: string;
  readonly #bySubject = new Map<string, Set<string>>();
  readonly #bySubscriber = new Map<string, Set<string>>();
  #subscriptions = 0;
  /** Open peers and the subjects they want. */
  readonly #peers = new Map<string, ReadonlySet<string>>();
  #isInterestScheduled = false;
  readonly #dropped: Record<BusDrop, number> = { subject: 0, 'too-large': 0, 'subscriptions-full': 0, 'interest-full': 0, 'no-session': 0 };

  constructor(options: BusOptions) {
    this.#self = options.self;
  }

  /** What had to be dropped or refused so far. */
  get dropped(): Readonly<Record<BusDrop, number>> {
    return this.#dropped;
  }

  get subjects(): readonly string[] {
    return [...this.#bySubject.keys()];
  }

  get peers(): readonly string[] {
    return [...this.#peers.keys()];
  }

  handle(input: BusInput): readonly BusEffect[] {
    switch (input.kind) {
      case 'subscribe':
        return this.#subscribe(input.subject, input.subscriber);
      case 'unsubscribe':
        return this.#unsubscribe(input.subject, input.subscriber);
      case 'subscriber-down':
        return [...(this.#bySubscriber.get(input.subscriber) ?? [])].flatMap((subject) => this.#unsubscribe(subject, input.subscriber));
      case 'publish':
        if (!this.#isSendable(input.subject, input.payload)) return NONE;
        return [...this.#deliver(input.subject, input.payload, this.#self), ...this.#spread(input.subject, input.payload)];
      case 'publish-to':
        return this.#publishTo(input.node, input.subject, input.payload);
      case 'peer-up':
        // Also when it was up already: a new session knows nothing of what the one before was told.
        this.#peers.set(input.node, new Set());
        return [{ kind: 'send-interest', node: input.node, subjects: this.subjects }];
      case 'peer-down':
        this.#peers.delete(input.node);
        return NONE;
      case 'interest-arrived':
        return this.#learn(input.node, input.subjects);
      case 'message-arrived':
        return this.#isSendable(input.subject, input.payload) ? this.#deliver(input.subject, input.payload, input.node) : NONE;
      case 'tell-interest':
        this.#isInterestScheduled = false;
        return this.peers.map((node) => ({ kind: 'send-interest', node, subjects: this.subjects }));
    }
  }

  #subscribe(subject: string, subscriber: string): readonly BusEffect[] {
    if (!isSubject(subject)) return this.#refuse('subject', subscriber);
    const subscribers = this.#bySubject.get(subject);
    if (subscribers?.has(subscriber) === true) return NONE;
    if (this.#subscriptions >= SUBSCRIPTIONS_MAX) return this.#refuse('subscriptions-full', subscriber);
    this.#subscriptions++;
    const effects: BusEffect[] = [];
    if (subscribers === undefined) {
      this.#bySubject.set(subject, new Set([subscriber]));
      effects.push(...this.#interestChanged());
    } else {
      subscribers.add(subscriber);
    }
    const subjects = this.#bySubscriber.get(subscriber);
    if (subjects === undefined) {
      this.#bySubscriber.set(subscriber, new Set([subject]));
      effects.push({ kind: 'watch', subscriber });
    } else {
      subjects.add(subject);
    }
    return effects;
  }

  #unsubscribe(subject: string, subscriber: string): readonly BusEffect[] {
    const subscribers = this.#bySubject.get(subject);
    const subjects = this.#bySubscriber.get(subscriber);
    if (subscribers === undefined || subjects === undefined || !subscribers.delete(subscriber)) return NONE;
    this.#subscriptions--;
    subjects.delete(subject);
    const effects: BusEffect[] = [];
    if (subscribers.size === 0) {
      this.#bySubject.delete(subject);
      effects.push(...this.#interestChanged());
    }
    if (subjects.size === 0) {
      this.#bySubscriber.delete(subscriber);
      effects.push({ kind: 'forget', subscriber });
    }
    return effects;
  }

  #refuse(reason: BusDrop, subscriber: string): readonly BusEffect[] {
    this.#drop(reason);
    return this.#bySubscriber.has(subscriber) ? NONE : [{ kind: 'forget', subscriber }];
  }

  #interestChanged(): readonly BusEffect[] {
    if (this.#isInterestScheduled) return NONE;
    this.#isInterestScheduled = true;
    return [{ kind: 'schedule-interest', delayMs: INTEREST_COALESCE_MS }];
  }

  #deliver(subject: string, payload: Uint8Array, from: string): readonly BusEffect[] {
    const subscribers = this.#bySubject.get(subject);
    if (subscribers === undefined) return NONE;
    return Array.from(subscribers, (subscriber) => ({ kind: 'deliver', subscriber, subject, payload, from }));
  }

  #spread(subject: string, payload: Uint8Array): readonly BusEffect[] {
    const effects: BusEffect[] = [];
    for (const [node, wanted] of this.#peers) {
      if (wanted.has(subject)) effects.push({ kind: 'send-message', node, subject, payload });
    }
    return effects;
  }

  /** Sent without asking for interest: whoever addresses one node (an answer, say) need not wait until it has told its own. */
  #publishTo(node: string, subject: string, payload: Uint8Array): readonly BusEffect[] {
    if (!this.#isSendable(subject, payload)) return NONE;
    if (node === this.#self) return this.#deliver(subject, payload, this.#self);
    return this.#peers.has(node) ? [{ kind: 'send-message', node, subject, payload }] : this.#drop('no-session');
  }

  #learn(node: string, subjects: readonly string[]): readonly BusEffect[] {
    // From a session that has gone down meanwhile: its next one tells again.
    if (!this.#peers.has(node)) return NONE;
    if (subjects.length > SUBSCRIPTIONS_MAX) this.#drop('interest-full');
    this.#peers.set(node, new Set(subjects.slice(0, SUBSCRIPTIONS_MAX)));
    return NONE;
  }

  #isSendable(subject: string, payload: Uint8Array): boolean {
    if (!isSubject(subject)) this.#drop('subject');
    else if (payload.byteLength > PAYLOAD_BYTES_MAX) this.#drop('too-large');
    else return true;
    return false;
  }

  #drop(reason: BusDrop): readonly BusEffect[] {
    this.#dropped[reason]++;
    return NONE;
  }
}

function isSubject(subject: string): boolean {
  return SUBJECT_PATTERN.test(subject);
}
