/**
 * Where this node is in the space of round trips, and where the others say they are. Each measured round trip pushes
 * this node a little towards where it fits better. The numbers are Serf's, so that both move alike.
 */
import type { Random } from '../../../random.ts';
import { distance, ERROR_MAX, isValid, ORIGIN, pushed, rawDistance, SAME_PLACE, type Coordinate } from './coordinate.ts';

/** How much one measurement changes the trust in a coordinate, and the coordinate. */
const ERROR_SHARE = 0.25;
const MOVE_SHARE = 0.25;
/** Of the last measurements, their mean error is the adjustment. */
const ADJUSTMENTS = 20;
/** Of as many round trips to one node the median counts: one that was late says little. */
const LATEST = 3;
/** The whole mesh would drift; everyone is drawn to the middle, strongly only when further from it than this many seconds. */
const GRAVITY_S = 150;
/** A round trip that took longer was a pause of a process. */
const RTT_MAX_S = 10;

export class Vivaldi {
  readonly #random: Random;
  #own: Coordinate = ORIGIN;
  readonly #adjustments: number[] = Array.from({ length: ADJUSTMENTS }, () => 0);
  #adjustment = 0;
  readonly #peers = new Map<string, { readonly coordinate: Coordinate; readonly latest: readonly number[] }>();

  constructor(random: Random) {
    this.#random = random;
  }

  get own(): Coordinate {
    return this.#own;
  }

  /** Where the peer said it was when it was last measured. */
  of(peer: string): Coordinate | undefined {
    return this.#peers.get(peer)?.coordinate;
  }

  forget(peer: string): void {
    this.#peers.delete(peer);
  }

  /** @param rttS of a ping that was answered directly, with the peer's coordinate in the answer */
  measure(peer: string, coordinate: Coordinate, rttS: number): void {
    if (rttS < 0 || rttS > RTT_MAX_S) return;
    const latest = [...(this.#peers.get(peer)?.latest ?? []), rttS].slice(-LATEST);
    this.#peers.set(peer, { coordinate, latest });
    const median = latest.toSorted((a, b) => a - b)[Math.floor(latest.length / 2)]!;
    this.#move(coordinate, Math.max(SAME_PLACE, median));
    this.#adjust(coordinate, median);
    this.#fall();
    if (!isValid(this.#own)) this.#own = ORIGIN;
  }

  #move(other: Coordinate, rttS: number): void {
    const expected = distance(this.#own, other);
    const wrongness = Math.abs(expected - rttS) / rttS;
    // Who is less to be trusted moves more.
    const weight = this.#own.error / Math.max(SAME_PLACE, this.#own.error + other.error);
    const error = Math.min(ERROR_MAX, ERROR_SHARE * weight * wrongness + this.#own.error * (1 - ERROR_SHARE * weight));
    this.#own = pushed({ ...this.#own, error }, MOVE_SHARE * weight * (rttS - expected), other, this.#random);
  }

  #adjust(other: Coordinate, rttS: number): void {
    this.#adjustments[this.#adjustment] = rttS - rawDistance(this.#own, other);
    this.#adjustment = (this.#adjustment + 1) % ADJUSTMENTS;
    const sum = this.#adjustments.reduce((total, each) => total + each, 0);
    this.#own = { ...this.#own, adjustment: sum / (2 * ADJUSTMENTS) };
  }

  #fall(): void {
    const fromMiddle = distance(ORIGIN, this.#own);
    this.#own = pushed(this.#own, -((fromMiddle / GRAVITY_S) ** 2), ORIGIN, this.#random);
  }
}
