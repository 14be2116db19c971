/** A number of bytes that several may hold together. */
export class ByteBudget {
  readonly #max: number;
  #held = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Opens a share of one holder, at first of nothing. */
  share(): ByteShare {
    let mine = 0;
    return {
      take: (bytes) => {
        if (this.#held + bytes > this.#max) return false;
        this.#held += bytes;
        mine += bytes;
        return true;
      },
      release: () => {
        this.#held -= mine;
        mine = 0;
      },
    };
  }
}

export interface ByteShare {
  /** Whether there are as many left; if so, they are held. */
  take(bytes: number): boolean;
  /** Gives back everything taken so far. */
  release(): void;
}
