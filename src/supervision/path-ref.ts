/** A ref: the name of a place in the tree, whoever stands there. */
import type { ActorHost } from './actor-host.ts';
import type { AskTable } from './asks.ts';
import type { ActorRef, Reply, SendOutcome } from './behavior.ts';

export class PathRef<M> implements ActorRef<M> {
  readonly path: string;
  readonly #host: ActorHost;
  readonly #asks: AskTable;

  constructor(path: string, host: ActorHost, asks: AskTable) {
    this.path = path;
    this.#host = host;
    this.#asks = asks;
  }

  send(message: M): SendOutcome {
    return this.#host.find(this.path)?.send(message) ?? this.#nobody(message);
  }

  offer(message: M): Promise<SendOutcome> {
    return this.#host.find(this.path)?.offer(message) ?? Promise.resolve(this.#nobody(message));
  }

  ask<R>(make: (reply: Reply<R>) => M, timeoutMs: number): Promise<R> {
    return this.#asks.ask(this.path, make, timeoutMs, (message) => this.send(message));
  }

  #nobody(message: M): 'noproc' {
    this.#host.deadLetter(this.path, 'noproc', message);
    return 'noproc';
  }
}
