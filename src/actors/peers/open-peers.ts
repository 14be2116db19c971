/**
 * The open sessions as a room knows them. Part of the room's body; each room that sends through sessions has its own.
 *
 * A session says when it opens and closes, and its end is monitored; but what is said once can be lost, and a room that
 * restarts was not there. So the roster is asked again and again: what is missing is added, and what the roster leaves
 * out of two answers in a row is gone. One answer is not enough: a roster that has just restarted knows no session until
 * the next report of each, within a second.
 */
import type { ActorContext, ActorRef } from '../../supervision/behavior.ts';
import type { PeerDown, PeersRequest, PeerUp, SessionSend } from './peer-messages.ts';

/** The room hands all of these to `OpenPeers`. */
export type OpenPeersMessage =
  | PeerUp
  | PeerDown
  | { readonly kind: 'ask-open-peers' }
  /** Undefined when the roster did not answer. */
  | { readonly kind: 'open-peers-told'; readonly peers: readonly PeerUp[] | undefined };

/** `peer-up` also for a peer that was up already, when it has a new session that knows nothing of the one before. */
export interface PeerChange {
  readonly kind: 'peer-up' | 'peer-down';
  readonly node: string;
}

/** A room that was left out waits no longer than this; a thousand sessions are listed in a millisecond. */
const ASK_PERIOD_MS = 2_000;
/** Shorter than the period, so that answers come in the order of the questions. */
const ASK_TIMEOUT_MS = 1_500;

export class OpenPeers {
  readonly #roster: ActorRef<PeersRequest>;
  readonly #context: ActorContext<OpenPeersMessage>;
  readonly #sessions = new Map<string, ActorRef<SessionSend>>();
  /** Left out of the roster's last answer. */
  #leftOut: ReadonlySet<string> = new Set();

  constructor(roster: ActorRef<PeersRequest>, context: ActorContext<OpenPeersMessage>) {
    this.#roster = roster;
    this.#context = context;
    context.setInterval('ask-open-peers', ASK_PERIOD_MS, { kind: 'ask-open-peers' });
    // The rooms start before the roster: a first life would ask nobody, and leave a dead letter in every node that is well.
    if (context.life > 1) this.#ask();
  }

  get nodes(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  session(node: string): ActorRef<SessionSend> | undefined {
    return this.#sessions.get(node);
  }

  hear(message: OpenPeersMessage): readonly PeerChange[] {
    switch (message.kind) {
      case 'peer-up':
        return this.#up(message);
      case 'peer-down':
        return this.#down(message.node);
      case 'ask-open-peers':
        this.#ask();
        return [];
      case 'open-peers-told':
        return message.peers === undefined ? [] : this.#told(message.peers);
    }
  }

  /** For every `down` signal of the room. A session that was killed could not say peer-down itself. */
  ended(path: string): readonly PeerChange[] {
    const ended = [...this.#sessions].filter(([, session]) => session.path === path);
    return ended.flatMap(([node]) => this.#down(node));
  }

  #ask(): void {
    this.#context.pipe(
      this.#roster.ask<readonly PeerUp[]>((reply) => ({ kind: 'open-peers', reply }), ASK_TIMEOUT_MS),
      (peers) => ({ kind: 'open-peers-told', peers }),
      () => ({ kind: 'open-peers-told', peers: undefined }),
    );
  }

  #told(peers: readonly PeerUp[]): readonly PeerChange[] {
    const told = new Set(peers.map(({ node }) => node));
    const leftOut = this.nodes.filter((node) => !told.has(node));
    const gone = leftOut.filter((node) => this.#leftOut.has(node)).flatMap((node) => this.#down(node));
    this.#leftOut = new Set(leftOut);
    return [...gone, ...peers.filter(({ node }) => !this.#sessions.has(node)).flatMap((peer) => this.#up(peer))];
  }

  #up({ node, session }: PeerUp): readonly PeerChange[] {
    this.#down(node);
    this.#sessions.set(node, session);
    this.#context.monitor(session);
    return [{ kind: 'peer-up', node }];
  }

  #down(node: string): readonly PeerChange[] {
    const session = this.#sessions.get(node);
    if (session === undefined) return [];
    this.#context.demonitor(session);
    this.#sessions.delete(node);
    return [{ kind: 'peer-down', node }];
  }
}
