/** What one stream has been given to send and the socket has not taken yet: bounded in frames and in bytes. */

export interface OutboxLimits {
  readonly framesMax: number;
  readonly bytesMax: number;
}

interface Writer {
  write(chunk: Buffer, done: () => void): boolean;
}

/**
 * grpc-js queues without end: its `write` answers false at 16 objects of any size and takes them all the same. So the
 * count is kept here, from `write` until its callback, which comes once the frame has been handed to HTTP/2.
 */
export class Outbox {
  readonly #writer: Writer;
  readonly #limits: OutboxLimits;
  readonly #onEmpty: () => void;
  #frames = 0;
  #bytes = 0;

  /** @param onEmpty runs each time when all that was offered is on its way */
  constructor(writer: Writer, limits: OutboxLimits, onEmpty: () => void = () => undefined) {
    this.#writer = writer;
    this.#limits = limits;
    this.#onEmpty = onEmpty;
  }

  /** A frame larger than the whole limit is taken when nothing waits before it: otherwise it could never be sent. */
  offer(frame: Buffer): 'accepted' | 'full' {
    const { framesMax, bytesMax } = this.#limits;
    const fits = this.#frames < framesMax && this.#bytes + frame.length <= bytesMax;
    if (!fits && this.#frames > 0) return 'full';
    this.#frames++;
    this.#bytes += frame.length;
    this.#writer.write(frame, () => {
      this.#frames--;
      this.#bytes -= frame.length;
      if (this.#frames === 0) this.#onEmpty();
    });
    return 'accepted';
  }
}
