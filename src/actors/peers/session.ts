/**
 * One session with one peer: who dials, when it is open, when it is given up. Pure.
 *
 * 1. The node whose name sorts first dials; the other waits until a stream is attached.
 * 2. There is at most one stream. A newer one replaces it, and each has a generation: what an older one still says
 *    is ignored.
 * 3. A session is open when both hellos have been exchanged. Rooms hear peer-up and peer-down strictly in turn.
 * 4. Losing a stream is an outcome, not a crash: the dialer tries again with backoff, for as long as it lives.
 */
import { MeshError } from '../../errors.ts';
import type { LogFields, LogLevel } from '../../log.ts';
import type { Random } from '../../random.ts';
import { type Backoff, backoffDelayMs } from '../../supervision/backoff.ts';
import type { BundleFrame__Output } from '../../transport/generated/omega/mesh/v1/BundleFrame.ts';
import type { BusFrame__Output } from '../../transport/generated/omega/mesh/v1/BusFrame.ts';
import type { IdentityFrame__Output } from '../../transport/generated/omega/mesh/v1/IdentityFrame.ts';
import type { PeerFrame, PeerFrame__Output } from '../../transport/generated/omega/mesh/v1/PeerFrame.ts';
import type { RegistryFrame__Output } from '../../transport/generated/omega/mesh/v1/RegistryFrame.ts';
import type { TrustFrame__Output } from '../../transport/generated/omega/mesh/v1/TrustFrame.ts';
import { dials, helloTo, readHello, type Introduction } from './hello.ts';
import type { SessionState } from './peer-messages.ts';
import { RoundTrip } from './round-trip.ts';

export interface SessionOptions {
  readonly self: Introduction;
  readonly peer: Introduction;
  /** Generations count from here. Each life of the actor has a range of its own, so that none is met twice. */
  readonly firstGeneration: number;
  readonly random: Random;
}

export type SessionInput =
  | { readonly kind: 'started' }
  /** A stream that the peer opened; its hello has been read and found good. */
  | { readonly kind: 'attached' }
  | { readonly kind: 'frame'; readonly generation: number; readonly frame: PeerFrame__Output }
  | { readonly kind: 'closed'; readonly generation: number; readonly fault: MeshError | undefined }
  | { readonly kind: 'sent'; readonly generation: number; readonly outcome: 'accepted' | 'full' | 'closed' }
  /** A room wants this frame carried. */
  | { readonly kind: 'carry'; readonly frame: PeerFrame }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' }
  | { readonly kind: 'redial'; readonly generation: number }
  | { readonly kind: 'stopping' };

export type SessionEffect =
  | { readonly kind: 'dial'; readonly generation: number }
  /** The stream just attached is this generation. */
  | { readonly kind: 'adopt'; readonly generation: number }
  /** What became of it must come back as `sent`. */
  | { readonly kind: 'send'; readonly generation: number; readonly frame: PeerFrame }
  | { readonly kind: 'close'; readonly generation: number; readonly fault: MeshError | undefined }
  | { readonly kind: 'schedule-redial'; readonly generation: number; readonly delayMs: number }
  | { readonly kind: 'tell-up' }
  | { readonly kind: 'tell-down' }
  | { readonly kind: 'deliver-registry'; readonly frame: RegistryFrame__Output }
  | { readonly kind: 'deliver-bus'; readonly frame: BusFrame__Output }
  | { readonly kind: 'deliver-trust'; readonly frame: TrustFrame__Output }
  | { readonly kind: 'deliver-identity'; readonly frame: IdentityFrame__Output }
  | { readonly kind: 'deliver-bundle'; readonly frame: BundleFrame__Output }
  | { readonly kind: 'report'; readonly state: SessionState; readonly rttMs: number | undefined }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

/** Period of pings, of reports and of the looks at the two limits below. */
export const PULSE_MS = 1_000;
/** A node that takes this long for its first frame is not going to be a useful peer. */
const HELLO_TIMEOUT_MS = 5_000;
/** Five pings unanswered. The peer may be alive, but this stream is not. */
const SILENCE_MAX_MS = 5_000;
/** A session open this long was a good one: the next dial starts from the base again. */
const STABLE_MS = 5_000;
/** Half a minute after a peer is reachable again, a session stands; 20 % keep many dialers from coming in step. */
const DIAL_BACKOFF: Backoff = { baseMs: 200, maxMs: 30_000, jitter: 0.2 };

interface Link {
  readonly generation: number;
  readonly sinceMs: number;
  readonly roundTrip: RoundTrip;
  isOpen: boolean;
  heardAtMs: number;
}

export class Session {
  readonly #options: SessionOptions;
  #generation: number;
  #link: Link | undefined;
  #failures = 0;
  readonly #dropped = { full: 0, closed: 0 };

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#generation = options.firstGeneration;
  }

  get state(): SessionState {
    if (this.#link?.isOpen === true) return 'open';
    return this.#link === undefined && this.#isDialer ? 'backoff' : 'connecting';
  }

  get rttMs(): number | undefined {
    return this.#link?.roundTrip.medianMs;
  }

  /** Frames of rooms that were not carried: the stream had no room, or there was none. */
  get dropped(): Readonly<Record<'full' | 'closed', number>> {
    return this.#dropped;
  }

  get #isDialer(): boolean {
    return dials(this.#options.self.node, this.#options.peer.node);
  }

  handle(input: SessionInput, now: number): readonly SessionEffect[] {
    switch (input.kind) {
      case 'started':
        return this.#isDialer ? this.#dial(now) : [this.#report()];
      case 'attached':
        return this.#attach(now);
      case 'frame':
        return this.#link?.generation === input.generation ? this.#hear(this.#link, input.frame, now) : [];
      case 'closed':
        return this.#link?.generation === input.generation ? this.#lose(this.#link, input.fault, now) : [];
      case 'sent':
        return this.#sent(input.generation, input.outcome, now);
      case 'carry':
        if (this.#link?.isOpen === true) return [{ kind: 'send', generation: this.#link.generation, frame: input.frame }];
        this.#dropped.closed++;
        return [];
      case 'pulse':
        return this.#pulse(now);
      case 'redial':
        return this.#link === undefined && input.generation === this.#generation ? this.#dial(now) : [];
      case 'stopping':
        return this.#link === undefined ? [] : this.#drop(this.#link, undefined);
    }
  }

  #dial(now: number): readonly SessionEffect[] {
    const link = this.#newLink(now, false);
    return [{ kind: 'dial', generation: link.generation }, this.#hello(link), this.#report()];
  }

  #attach(now: number): readonly SessionEffect[] {
    const old = this.#link;
    const replaced = new MeshError('SESSION_CLOSED', 'a newer stream of the same peer took the place of this one');
    const effects = old === undefined ? [] : this.#drop(old, replaced);
    const link = this.#newLink(now, true);
    return [...effects, { kind: 'adopt', generation: link.generation }, this.#hello(link), ...this.#opened()];
  }

  #newLink(now: number, isOpen: boolean): Link {
    this.#link = { generation: ++this.#generation, sinceMs: now, roundTrip: new RoundTrip(), isOpen, heardAtMs: now };
    return this.#link;
  }

  #hello(link: Link): SessionEffect {
    return { kind: 'send', generation: link.generation, frame: helloTo(this.#options.peer.node, this.#options.self) };
  }

  #opened(): readonly SessionEffect[] {
    return [{ kind: 'tell-up' }, this.#report(), this.#log('info', 'session-open', {})];
  }

  #hear(link: Link, frame: PeerFrame__Output, now: number): readonly SessionEffect[] {
    link.heardAtMs = now;
    if (!link.isOpen) return this.#greeted(link, frame, now);
    const { generation } = link;
    if (frame.ping) return [{ kind: 'send', generation, frame: { pong: { sequence: frame.ping.sequence } } }];
    if (frame.pong) {
      link.roundTrip.pong(frame.pong.sequence, now);
      return [];
    }
    if (frame.registry) return [{ kind: 'deliver-registry', frame: frame.registry }];
    if (frame.bus) return [{ kind: 'deliver-bus', frame: frame.bus }];
    if (frame.trust) return [{ kind: 'deliver-trust', frame: frame.trust }];
    if (frame.identity) return [{ kind: 'deliver-identity', frame: frame.identity }];
    if (frame.bundle) return [{ kind: 'deliver-bundle', frame: frame.bundle }];
    // A body of a later protocol, or a second hello: nothing hangs on either.
    return [];
  }

  #greeted(link: Link, frame: PeerFrame__Output, now: number): readonly SessionEffect[] {
    const answered = readHello(frame, this.#options.self.node);
    if (answered instanceof MeshError) return this.#lose(link, answered, now);
    const [given, expected] = [answered, this.#options.peer].map(({ node, address }) => `${node} at ${address}`);
    if (given !== expected) return this.#lose(link, new MeshError('REFUSED', `node ${given} answered where ${expected} was expected`), now);
    link.isOpen = true;
    return this.#opened();
  }

  #sent(generation: number, outcome: 'accepted' | 'full' | 'closed', now: number): readonly SessionEffect[] {
    const link = this.#link;
    if (outcome === 'accepted' || link?.generation !== generation) return [];
    this.#dropped[outcome]++;
    return outcome === 'closed' ? this.#lose(link, undefined, now) : [];
  }

  #pulse(now: number): readonly SessionEffect[] {
    const link = this.#link;
    if (link === undefined) return [this.#report()];
    if (!link.isOpen) {
      if (now - link.sinceMs < HELLO_TIMEOUT_MS) return [this.#report()];
      return this.#lose(link, new MeshError('SESSION_CLOSED', `no hello from ${this.#options.peer.node} in ${HELLO_TIMEOUT_MS} ms`), now);
    }
    if (now - link.heardAtMs >= SILENCE_MAX_MS) {
      return this.#lose(link, new MeshError('SESSION_CLOSED', `nothing heard from ${this.#options.peer.node} for ${SILENCE_MAX_MS} ms`), now);
    }
    const sequence = link.roundTrip.ping(now);
    return [{ kind: 'send', generation: link.generation, frame: { ping: { sequence } } }, this.#report()];
  }

  /** The stream is gone or given up: say so, and dial again if dialling is ours. */
  #lose(link: Link, fault: MeshError | undefined, now: number): readonly SessionEffect[] {
    if (link.isOpen && now - link.sinceMs >= STABLE_MS) this.#failures = 0;
    const isWorthTelling = link.isOpen || this.#failures === 0;
    const reason = fault === undefined ? 'ended by the peer' : fault.message;
    const effects: SessionEffect[] = [
      ...this.#drop(link, fault),
      this.#report(),
      this.#log(isWorthTelling ? 'info' : 'debug', link.isOpen ? 'session-lost' : 'session-not-opened', { reason, failures: this.#failures }),
    ];
    if (this.#isDialer) {
      const delayMs = backoffDelayMs(DIAL_BACKOFF, this.#failures, this.#options.random);
      effects.push({ kind: 'schedule-redial', generation: this.#generation, delayMs });
    }
    this.#failures++;
    return effects;
  }

  #drop(link: Link, fault: MeshError | undefined): readonly SessionEffect[] {
    this.#link = undefined;
    const close: SessionEffect = { kind: 'close', generation: link.generation, fault };
    return link.isOpen ? [close, { kind: 'tell-down' }] : [close];
  }

  #report(): SessionEffect {
    return { kind: 'report', state: this.state, rttMs: this.rttMs };
  }

  #log(level: LogLevel, event: string, fields: LogFields): SessionEffect {
    return { kind: 'log', level, event, fields: { peer: this.#options.peer.node, ...fields } };
  }
}
