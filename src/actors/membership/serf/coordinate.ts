/**
 * A place in a space where distance is round-trip time: eight dimensions for the core of the network, a height for the
 * link that leads to it (Dabek et al., Vivaldi, 2004). Pure geometry; all in seconds, as it goes over the wire.
 */
import type { Random } from '../../../random.ts';
import { MsgpackReader, MsgpackWriter } from '../wire/msgpack.ts';
import { Struct } from '../wire/struct.ts';
import { WireFault, attempt, type DropReason } from '../wire/wire-fault.ts';
import { float, floatItem, list } from './serf-fields.ts';

export interface Coordinate {
  readonly vec: readonly number[];
  /** How little it is to be trusted, from 0 to ERROR_MAX. */
  readonly error: number;
  /** What the distances to others were off by, of late: added to every distance. */
  readonly adjustment: number;
  readonly height: number;
}

const DIMENSIONS = 8;
export const ERROR_MAX = 1.5;
/** Ten microseconds: a link is never free. */
const HEIGHT_MIN = 10e-6;
/** Closer than a microsecond is the same place. */
export const SAME_PLACE = 1e-6;

export const ORIGIN: Coordinate = { vec: Array.from({ length: DIMENSIONS }, () => 0), error: ERROR_MAX, adjustment: 0, height: HEIGHT_MIN };

const NO_COORDINATE: Coordinate = { vec: [], error: 0, adjustment: 0, height: 0 };
const struct = new Struct({ vec: list('Vec', 64, floatItem), error: float('Error'), adjustment: float('Adjustment'), height: float('Height') });
/** First byte of the payload of an ack that holds a coordinate. */
const PAYLOAD_VERSION = 1;

export function encodeCoordinate(coordinate: Coordinate): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(PAYLOAD_VERSION);
  struct.write(writer, coordinate);
  return writer.bytes();
}

/** Never throws; one that is not of our space, or not a number anywhere, is a reason. */
export function decodeCoordinate(payload: Uint8Array): Coordinate | DropReason {
  return attempt(() => {
    if (payload[0] !== PAYLOAD_VERSION) throw new WireFault('unknown-type', `payload version ${payload[0]}`);
    const coordinate: Coordinate = { ...NO_COORDINATE, ...struct.read(new MsgpackReader(payload, 1)) };
    if (!isValid(coordinate)) throw new WireFault('malformed', 'a coordinate of another space');
    return coordinate;
  });
}

export function isValid({ vec, error, adjustment, height }: Coordinate): boolean {
  return vec.length === DIMENSIONS && [...vec, error, adjustment, height].every(Number.isFinite);
}

/** Expected round-trip time in seconds. */
export function distance(a: Coordinate, b: Coordinate): number {
  const raw = rawDistance(a, b);
  const adjusted = raw + a.adjustment + b.adjustment;
  return adjusted > 0 ? adjusted : raw;
}

/** Without adjustments. */
export function rawDistance(a: Coordinate, b: Coordinate): number {
  return length(difference(a.vec, b.vec)) + a.height + b.height;
}

/** Pushed away from the other, or drawn to it when the force is negative. @param force in seconds */
export function pushed(at: Coordinate, force: number, other: Coordinate, random: Random): Coordinate {
  const away = difference(at.vec, other.vec);
  const apart = length(away);
  const isSamePlace = apart <= SAME_PLACE;
  const unit = isSamePlace ? randomDirection(random) : away.map((part) => part / apart);
  const vec = at.vec.map((part, i) => part + unit[i]! * force);
  if (isSamePlace) return { ...at, vec };
  return { ...at, vec, height: Math.max(HEIGHT_MIN, at.height + ((at.height + other.height) * force) / apart) };
}

function randomDirection(random: Random): number[] {
  const any = Array.from({ length: DIMENSIONS }, () => random.next() - 0.5);
  const size = length(any);
  return size > SAME_PLACE ? any.map((part) => part / size) : [1, ...any.slice(1).map(() => 0)];
}

function difference(a: readonly number[], b: readonly number[]): number[] {
  return a.map((part, i) => part - b[i]!);
}

function length(vec: readonly number[]): number {
  return Math.sqrt(vec.reduce((sum, part) => sum + part * part, 0));
}
