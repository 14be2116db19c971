/**
 * When a session moves to a new connection, and by which headers both ends know which one it is: `mesh-session` on the first
 * connection and, with `mesh-part`, on each that takes over. A node that understands says `mesh-session` back; where it does not, or
 * a client says nothing of it, the session ends with its certificates.
 */
import { randomBytes } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';
import { systemClock } from '../clock.ts';
import type { Timer } from '../clock.ts';
import { systemRandom } from '../random.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { callerBy } from './caller.ts';
import type { FrameStream } from './frame-stream.ts';
import { HandoverStream } from './handover-stream.ts';
import type { StreamPart } from './handover-stream.ts';

const SESSION_KEY = 'mesh-session';
const PART_KEY = 'mesh-part';
/** Known to who dialled and to the node; nobody else can guess it, and nobody else may use it. */
const SESSION_BYTES = 16;
const SESSION_FORM = /^[0-9a-f]{32}$/;
/** Renewal is due at half-life: by then both ends have had new certificates for a while. The rest is time for other tries. */
const MOVE_AT = 0.66;
/** Of that: sessions that were opened together do not all move together. */
const MOVE_JITTER = 0.1;
const RETRY_MS = 1_000;
/** When certificates are replaced before their time: not all sessions at once, and again until the other end has its new one too. */
const WORN_WITHIN_MS = 3_000;
const WORN_AGAIN_MS = 5_000;
/** What a timer can hold, 24 days: one that could wait longer moves then. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** A connection that stands. */
interface Standing {
  /** Until the first of the two certificates expires, when it came to stand. */
  readonly validForMs: number;
  /** Whether one of the two is being replaced before that, and this end has another. */
  readonly isWorn: boolean;
}

export type OnStanding = (headers: Metadata, connection: Standing) => void;

/**
 * @param onChange tells of each change of what this program shows and believes; the answer ends that
 * @param openPart opens a connection with these headers and tells when it stands
 */
export function lastingSession<Out, In>(onChange: (heard: () => void) => () => void, openPart: (headers: Metadata, onStanding: OnStanding) => StreamPart<Out, In>): FrameStream<Out, In> {
  const id = randomBytes(SESSION_BYTES).toString('hex');
  let parts = 0;
  let timer: Timer | undefined;
  let next: StreamPart<Out, In> | undefined;
  let isEnding = false;
  /** The connection that the session is on, where it may move. */
  let present: Standing | undefined;
  let isHurried = false;

  const open = (onStanding: OnStanding): StreamPart<Out, In> => {
    const headers = new Metadata();
    headers.set(SESSION_KEY, id);
    if (++parts > 1) headers.set(PART_KEY, String(parts));
    return openPart(headers, onStanding);
  };
  let dueAtMs = Infinity;
  const moveIn = (delayMs: number): void => {
    dueAtMs = systemClock.now() + delayMs;
    timer = systemClock.setTimer(Math.min(delayMs, TIMER_MAX_MS), move);
  };
  const stands: OnStanding = (headers, connection) => {
    if (headers.get(SESSION_KEY)[0] !== id) return;
    present = connection;
    isHurried = connection.isWorn;
    const inTimeMs = connection.validForMs * MOVE_AT * (1 - MOVE_JITTER * systemRandom.next());
    // Worn already: the other end shows its old certificate still.
    moveIn(isHurried ? Math.min(inTimeMs, WORN_AGAIN_MS * (1 + systemRandom.next())) : inTimeMs);
  };
  const forget = onChange(() => {
    if (isHurried || next !== undefined || present?.isWorn !== true) return;
    isHurried = true;
    timer?.cancel();
    // Never later than it would have been: its certificates may be about to expire besides.
    moveIn(Math.max(0, Math.min(dueAtMs - systemClock.now(), WORN_WITHIN_MS * systemRandom.next())));
  });
  const move = (): void => {
    let isStanding = false;
    const candidate = open((headers, connection) => {
      if (!session.canMove) {
        candidate.close();
        return;
      }
      isStanding = true;
      next = undefined;
      session.moveTo(candidate);
      stands(headers, connection);
    });
    next = candidate;
    // As long as the old connection stands there is time to try again.
    candidate.onClosed(() => {
      if (isStanding || isEnding) return;
      next = undefined;
      moveIn(RETRY_MS);
    });
  };
  const session = new HandoverStream<Out, In>(open(stands), () => {
    isEnding = true;
    forget();
    timer?.cancel();
    next?.close();
  });
  return session;
}

/** The session of this caller that its headers name. */
export function sessionKey(headers: Metadata): string | undefined {
  const id = headers.get(SESSION_KEY)[0];
  const caller = callerBy(headers);
  if (typeof id !== 'string' || !SESSION_FORM.test(id) || caller === undefined) return undefined;
  return `${formatSpiffeId(caller.id)} ${id}`;
}

export function asksToMove(headers: Metadata): boolean {
  return headers.get(PART_KEY).length > 0;
}

/** What a node answers one that may move. */
export function sessionHeaders(headers: Metadata): Metadata {
  const answer = new Metadata();
  const id = headers.get(SESSION_KEY)[0];
  if (typeof id === 'string' && sessionKey(headers) !== undefined) answer.set(SESSION_KEY, id);
  return answer;
}
