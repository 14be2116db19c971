/**
 * One session over several connections, one after the other: a connection proves who is there when it is opened, so a session
 * that lasts moves to a new one before the certificates of the old one expire. Its owners notice nothing.
 *
 * Who dialled opens the new connection, and each side sends on it as soon as it stands. What was sent on the old one is heard to
 * its end first, so that nothing is lost and nothing overtakes.
 */
import { systemClock } from '../clock.ts';
import type { Timer } from '../clock.ts';
import { MeshError } from '../errors.ts';
import type { Caller } from './caller.ts';
import type { FrameStream } from './frame-stream.ts';

/** One connection's share of a session. */
export interface StreamPart<Out, In> extends FrameStream<Out, In> {
  /** Sends no more, and goes on hearing until the other end has said all. */
  finish(): void;
}

/** What is under way on a connection that works is there in a round trip; one that does not is no loss to wait for. */
const DRAIN_MS = 5_000;

export class HandoverStream<Out, In> implements FrameStream<Out, In> {
  #sending: StreamPart<Out, In>;
  #hearing: StreamPart<Out, In>;
  #listener: ((frame: In) => void) | undefined;
  #closedListener: ((fault: MeshError | undefined) => void) | undefined;
  #end: { readonly fault: MeshError | undefined } | undefined;
  #drain: Timer | undefined;
  #isClosing = false;
  readonly #onEnding: () => void;

  /** @param onEnding runs once, when it closes or breaks: it will not move any more */
  constructor(first: StreamPart<Out, In>, onEnding: () => void) {
    this.#onEnding = onEnding;
    this.#sending = first;
    this.#hearing = first;
    first.onClosed((fault) => this.#heardAll(fault));
  }

  get remote(): string {
    return this.#sending.remote;
  }

  get caller(): Caller | undefined {
    return this.#sending.caller;
  }

  /** Neither while it moves already, nor when it is about to end. */
  get canMove(): boolean {
    return !this.#isMoving && !this.#isClosing;
  }

  get #isMoving(): boolean {
    return this.#hearing !== this.#sending;
  }

  send(frame: Out): 'accepted' | 'full' | 'closed' {
    return this.#sending.send(frame);
  }

  onFrame(listener: (frame: In) => void): void {
    this.#listener = listener;
    this.#hearing.onFrame(listener);
  }

  onClosed(listener: (fault: MeshError | undefined) => void): void {
    this.#closedListener = listener;
    this.#tell();
  }

  close(fault?: MeshError): void {
    this.#sending.close(fault);
    if (this.#isMoving) this.#hearing.close(fault);
    this.#ending();
  }

  /** Goes on over `next`, on which both ends are there. Only when it can. */
  moveTo(next: StreamPart<Out, In>): void {
    const old = this.#sending;
    this.#sending = next;
    old.finish();
    this.#drain = systemClock.setTimer(DRAIN_MS, () => old.close(new MeshError('SESSION_CLOSED', `${old.remote} did not end its old connection in ${DRAIN_MS} ms`)));
  }

  #heardAll(fault: MeshError | undefined): void {
    this.#drain?.cancel();
    const next = this.#sending;
    // What broke off had not said all.
    if (!this.#isMoving || fault !== undefined) {
      if (this.#isMoving) next.close(fault);
      this.#end = { fault };
      this.#ending();
      this.#tell();
      return;
    }
    this.#hearing = next;
    next.onClosed((later) => this.#heardAll(later));
    if (this.#listener !== undefined) next.onFrame(this.#listener);
  }

  #ending(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#onEnding();
  }

  #tell(): void {
    const listener = this.#closedListener;
    if (this.#end === undefined || listener === undefined) return;
    this.#closedListener = undefined;
    const { fault } = this.#end;
    queueMicrotask(() => listener(fault));
  }
}
