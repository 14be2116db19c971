/** The connections of this program with others of the mesh, on whichever side they were opened. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../clock.ts';
import type { ErrorCode, MeshError } from '../errors.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import type { SpiffeId } from '../trust/spiffe-id.ts';
import type { Caller } from './caller.ts';
import { isPostQuantum } from './tls-group.ts';

export interface OpenSession {
  /** The certificate that was shown at this end. */
  readonly own?: X509Certificate | undefined;
  readonly caller: Caller;
  readonly isDialled: boolean;
  /** host:port of the other end. */
  readonly remote: string;
  readonly ageMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What is worth an alarm: each goes to the log at once, and where a node keeps an audit, there. */
export type SessionAlarm =
  /** Somebody was refused, altogether or with this call. */
  | { readonly kind: 'refused'; readonly remote: string; readonly id: SpiffeId | undefined; readonly fault: MeshError; readonly call?: string }
  /** Post-quantum with this peer before, and not now. */
  | { readonly kind: 'downgraded'; readonly remote: string; readonly id: SpiffeId; readonly before: string; readonly now: string };

interface Connection {
  readonly caller: Caller;
  readonly isDialled: boolean;
  readonly remote: string;
  readonly sinceMs: number;
}

/** Who tries again and again is told of once in a while; how often stands in the counts. */
const ALARM_EVERY_MS = 10_000;
/** Of which this is remembered. Past it an alarm is forgotten sooner. */
const ALARMS_MAX = 1_024;
/** Peers whose best group is remembered. */
const GROUPS_MAX = 4_096;
/** What a timer can hold, 24 days. A certificate that is valid for longer proves itself anew by then. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class OpenSessions {
  readonly #open = new Map<TLSSocket, Connection>();
  readonly #refusals = new Map<ErrorCode, number>();
  readonly #groups = new Map<string, string>();
  readonly #alarmedAtMs = new Map<string, number>();
  readonly #alarmed: ((alarm: SessionAlarm) => void)[] = [];

  onAlarm(heard: (alarm: SessionAlarm) => void): void {
    this.#alarmed.push(heard);
  }

  /** Those who were refused, by the code of the reason. */
  get refusals(): ReadonlyMap<ErrorCode, number> {
    return this.#refusals;
  }

  list(): readonly OpenSession[] {
    const now = systemClock.now();
    return [...this.#open].map(([socket, { caller, isDialled, remote, sinceMs }]) => ({
      caller,
      own: socket.getX509Certificate(),
      isDialled,
      remote,
      ageMs: now - sinceMs,
      bytesIn: socket.bytesRead,
      bytesOut: socket.bytesWritten,
    }));
  }

  /** The connection is cut off when its certificate expires, or at another time that is said, unless it has ended before. */
  opened(socket: TLSSocket, remote: string, caller: Caller, isDialled: boolean, untilMs = caller.notAfterMs): void {
    this.#compareGroup(remote, caller);
    this.#open.set(socket, { caller, isDialled, remote, sinceMs: systemClock.now() });
    const expiry = systemClock.setTimer(Math.min(untilMs - systemClock.wallNow(), TIMER_MAX_MS), () => socket.destroy());
    socket.once('close', () => {
      expiry.cancel();
      this.#open.delete(socket);
    });
  }

  /** @param call path of the method, where it is not the connection that is refused */
  refused(remote: string, id: SpiffeId | undefined, fault: MeshError, call?: string): void {
    this.#refusals.set(fault.code, (this.#refusals.get(fault.code) ?? 0) + 1);
    const host = remote.slice(0, remote.lastIndexOf(':'));
    const now = systemClock.now();
    const what = `${host} ${id === undefined ? '' : formatSpiffeId(id)} ${fault.code} ${call ?? ''}`;
    if (now - (this.#alarmedAtMs.get(what) ?? -Infinity) < ALARM_EVERY_MS) return;
    if (this.#alarmedAtMs.size >= ALARMS_MAX) this.#alarmedAtMs.clear();
    this.#alarmedAtMs.set(what, now);
    this.#alarm({ kind: 'refused', remote, id, fault, ...(call === undefined ? {} : { call }) });
  }

  /** Cuts off every connection with such a one at once, and says how many there were. */
  sever(isMeant: (caller: Caller) => boolean): number {
    const sockets = [...this.#open].filter(([, { caller }]) => isMeant(caller)).map(([socket]) => socket);
    for (const socket of sockets) socket.destroy();
    return sockets.length;
  }

  #alarm(alarm: SessionAlarm): void {
    for (const heard of this.#alarmed) heard(alarm);
  }

  #compareGroup(remote: string, { id, tlsGroup: now }: Caller): void {
    if (now === undefined) return;
    const text = formatSpiffeId(id);
    const before = this.#groups.get(text);
    if (before !== undefined && isPostQuantum(before) && !isPostQuantum(now)) this.#alarm({ kind: 'downgraded', remote, id, before, now });
    else if (this.#groups.size < GROUPS_MAX || before !== undefined) this.#groups.set(text, now);
  }
}
