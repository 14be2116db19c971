/** Which of two things came first, where no clock of the world is shared (Lamport 1978). */

/**
 * Nobody counts four thousand million things between two messages; one that says so would push all clocks of the mesh
 * towards the end of what can be counted.
 */
const LEAP_MAX = 2 ** 32;

/** What the three clocks of a node show: of intents, of events and of queries. */
export interface ClockTimes {
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

export class LamportClock {
  #time = 1;

  /** Of the next thing that happens here. */
  get time(): number {
    return this.#time;
  }

  /** Something happens here now. @returns its time */
  tick(): number {
    return this.#time++;
  }

  isPlausible(time: number): boolean {
    return time <= this.#time + LEAP_MAX;
  }

  /** Something has happened elsewhere at this time. */
  witness(time: number): void {
    if (time >= this.#time) this.#time = time + 1;
  }
}
