/**
 * Which peers have a session, and which stream belongs to which. Pure.
 *
 * Every input only records a fact; `#decide` then looks at all the facts:
 * 1. Every other node that is there and takes sessions (known-nodes.ts) has a session child at its address.
 * 2. No one else has one.
 * 3. A stream that came in is handed to the session of the node that its hello names, as soon as there is one, if that is the
 *    name in its certificate and its address is the one that gossip has: who only claims the name gets nothing. What cannot be handed over by its deadline
 *    is closed with the reason.
 *
 * The supervisor that starts and ends the children may answer late or be restarting: what failed is tried again.
 */
import { MeshError } from '../../errors.ts';
import type { LogFields, LogLevel } from '../../log.ts';
import type { PeerFrame__Output } from '../../transport/generated/omega/mesh/v1/PeerFrame.ts';
import type { MemberView } from '../membership/membership-messages.ts';
import { dials, readHello, type Introduction } from './hello.ts';
import { KnownNodes } from './known-nodes.ts';
import type { SessionState, SessionView } from './peer-messages.ts';

export interface RosterOptions {
  readonly self: string;
}

export type RosterInput =
  | { readonly kind: 'members'; readonly members: readonly MemberView[] }
  | { readonly kind: 'child-started'; readonly node: string; readonly outcome: 'started' | 'already_started' }
  | { readonly kind: 'child-terminated'; readonly node: string }
  /** The supervisor did not do as asked, or did not answer. */
  | { readonly kind: 'child-refused'; readonly node: string; readonly reason: string }
  | { readonly kind: 'session-report'; readonly node: string; readonly address: string; readonly state: SessionState; readonly rttMs: number | undefined }
  /** `proved`: the name in the certificate of who opened the stream. */
  | { readonly kind: 'incoming'; readonly arrival: number; readonly proved: string }
  | { readonly kind: 'arrival-frame'; readonly arrival: number; readonly frame: PeerFrame__Output }
  | { readonly kind: 'arrival-closed'; readonly arrival: number }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type RosterEffect =
  | { readonly kind: 'start-child'; readonly node: string; readonly address: string }
  | { readonly kind: 'terminate-child'; readonly node: string }
  | { readonly kind: 'hand-over'; readonly arrival: number; readonly node: string }
  | { readonly kind: 'close-arrival'; readonly arrival: number; readonly fault: MeshError }
  /** Those who should dial this node do not. They may have evicted it while it was away, and nobody else can tell it. */
  | { readonly kind: 'renew-identity' }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

export const PULSE_MS = 1_000;
/** For the hello, and for gossip to tell us of a node that heard of us first. Less than a dialer waits for ours: it is to hear the reason. */
const ARRIVAL_TIMEOUT_MS = 4_000;
/** Who dials tries every few seconds at first. */
const NOT_DIALLED_MS = 10_000;
/** Not to be dialled has other reasons too, which may last. */
const RENEW_EVERY_MS = 60_000;
/** Streams that wait for their hello or their session; each holds a socket. More are refused. */
const ARRIVALS_MAX = 256;
/** A child reports each second. One that is silent is asked for again: the supervisor knows whether it is there. */
const SILENCE_MAX_MS = 5_000;
/** Before the supervisor is asked again for what it did not do; twice as long after each refusal. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** The first refusal is logged and then every tenth: with the longest wait one in ten minutes. */
const REFUSALS_PER_LOG = 10;
/** Gossip allows any bytes in a name; a session is a child, and the ids of children become path segments. */
const CHILD_ID = /^[A-Za-z0-9._:@+-]{1,128}$/;
/** Names without a session that are remembered, so that each is logged once. No operator reads more. */
const UNFIT_NAMES_MAX = 64;

interface Child {
  step: 'starting' | 'up' | 'stopping' | 'absent';
  /** Where it dials; undefined until it has said so, when a former life of the roster started it. */
  address: string | undefined;
  /** Its ref is known: from its start or from a report. */
  isReachable: boolean;
  state: SessionState;
  rttMs: number | undefined;
  heardAtMs: number;
  /** Open when it was last heard of; until then, known. */
  openAtMs: number;
  notBeforeMs: number;
  /** In a row. */
  refusals: number;
}

interface Arrival {
  readonly sinceMs: number;
  readonly proved: string;
  /** Undefined before the hello. */
  from: Introduction | undefined;
}

export class Roster {
  readonly #self: string;
  readonly #nodes = new KnownNodes();
  /** Node to address. */
  #desired: ReadonlyMap<string, string> = new Map();
  readonly #unfit = new Set<string>();
  readonly #children = new Map<string, Child>();
  readonly #arrivals = new Map<number, Arrival>();
  #renewedAtMs = -Infinity;

  constructor(options: RosterOptions) {
    this.#self = options.self;
  }

  get sessions(): readonly SessionView[] {
    return [...this.#children]
      .filter(([, child]) => child.step === 'up')
      .map(([node, { address, state, rttMs }]) => ({ node, address: address ?? this.#desired.get(node) ?? '', state, rttMs }));
  }

  get waitingArrivals(): number {
    return this.#arrivals.size;
  }

  handle(input: RosterInput, now: number): readonly RosterEffect[] {
    return [...this.#record(input, now), ...this.#decide(now)];
  }

  #record(input: RosterInput, now: number): readonly RosterEffect[] {
    switch (input.kind) {
      case 'members':
        this.#nodes.learn(input.members, now);
        return this.#choose();
      case 'child-started': {
        const child = this.#child(input.node, now);
        child.step = 'up';
        child.refusals = 0;
        if (input.outcome === 'started') child.isReachable = true;
        else child.address = undefined;
        return [];
      }
      case 'child-terminated':
        this.#children.delete(input.node);
        return [];
      case 'child-refused':
        return this.#refused(input.node, input.reason, now);
      case 'session-report':
        this.#reported(input, now);
        return [];
      case 'incoming':
        return this.#incoming(input.arrival, input.proved, now);
      case 'arrival-frame':
        return this.#greeted(input.arrival, input.frame);
      case 'arrival-closed':
        this.#arrivals.delete(input.arrival);
        return [];
      case 'pulse':
        this.#nodes.expire(now);
        return [...this.#choose(), ...this.#expire(now), ...this.#unheard(now)];
    }
  }

  #choose(): readonly RosterEffect[] {
    const dialable = this.#nodes.dialable;
    this.#desired = new Map(dialable.filter(([node]) => CHILD_ID.test(node)));
    const unfit = dialable.map(([node]) => node).filter((node) => !this.#desired.has(node) && !this.#unfit.has(node));
    return unfit.slice(0, UNFIT_NAMES_MAX - this.#unfit.size).map((node) => {
      this.#unfit.add(node);
      return { kind: 'log', level: 'warn', event: 'peer-name-unfit', fields: { peer: node, todo: `name the node by ${CHILD_ID.source}` } };
    });
  }

  /** The child of this node, which has just been heard of. */
  #child(node: string, now: number): Child {
    let child = this.#children.get(node);
    if (child === undefined) {
      child = { step: 'absent', address: undefined, isReachable: false, state: 'connecting', rttMs: undefined, heardAtMs: now, openAtMs: now, notBeforeMs: now, refusals: 0 };
      this.#children.set(node, child);
    }
    child.heardAtMs = now;
    return child;
  }

  #reported(report: RosterInput & { kind: 'session-report' }, now: number): void {
    const child = this.#child(report.node, now);
    // While it is being started or ended, what it says may be the last word of the one before.
    if (child.step === 'starting' || child.step === 'stopping') return;
    if (report.state === 'open') child.openAtMs = now;
    Object.assign(child, { step: 'up', address: report.address, isReachable: true, state: report.state, rttMs: report.rttMs } satisfies Partial<Child>);
  }

  #refused(node: string, reason: string, now: number): readonly RosterEffect[] {
    const child = this.#children.get(node);
    if (child === undefined) return [];
    const wanted = child.step === 'stopping' ? 'end' : 'start';
    child.step = child.step === 'stopping' ? 'up' : 'absent';
    const retryMs = Math.min(RETRY_MS * 2 ** child.refusals, RETRY_MAX_MS);
    child.notBeforeMs = now + retryMs;
    const isLogged = child.refusals % REFUSALS_PER_LOG === 0;
    child.refusals++;
    return isLogged ? [{ kind: 'log', level: 'warn', event: 'session-child-refused', fields: { peer: node, wanted, reason, retryMs } }] : [];
  }

  #incoming(arrival: number, proved: string, now: number): readonly RosterEffect[] {
    this.#arrivals.set(arrival, { sinceMs: now, proved, from: undefined });
    if (this.#arrivals.size <= ARRIVALS_MAX) return [];
    return [this.#close(arrival, new MeshError('OVERLOADED', `${ARRIVALS_MAX} streams wait for their session already`, { todo: 'try again later' }))];
  }

  #greeted(number: number, frame: PeerFrame__Output): readonly RosterEffect[] {
    const arrival = this.#arrivals.get(number);
    if (arrival === undefined || arrival.from !== undefined) return [];
    const from = readHello(frame, this.#self);
    if (from instanceof MeshError) return [this.#close(number, from)];
    const { node, address } = from;
    if (node !== arrival.proved) return [this.#close(number, impostor(node, arrival.proved))];
    if (!dials(node, this.#self)) {
      return [this.#close(number, new MeshError('REFUSED', `the node whose name sorts first dials, and that is ${this.#self}`, { given: node, todo: 'wait to be dialled' }))];
    }
    arrival.from = from;
    const older = [...this.#arrivals].filter(([other, its]) => its.from?.node === node && its.from.address === address && other !== number);
    return older.map(([other]) => this.#close(other, new MeshError('SESSION_CLOSED', 'a newer stream of the same peer took the place of this one')));
  }

  #expire(now: number): readonly RosterEffect[] {
    const late = [...this.#arrivals].filter(([, { sinceMs }]) => now - sinceMs >= ARRIVAL_TIMEOUT_MS);
    return late.map(([arrival, { from }]) => this.#close(arrival, this.#whyNotHandedOver(from)));
  }

  #unheard(now: number): readonly RosterEffect[] {
    if (now - this.#renewedAtMs < RENEW_EVERY_MS) return [];
    const isWaiting = [...this.#children].some(([node, { openAtMs }]) => this.#desired.has(node) && dials(node, this.#self) && now - openAtMs >= NOT_DIALLED_MS);
    if (!isWaiting) return [];
    this.#renewedAtMs = now;
    return [{ kind: 'renew-identity' }];
  }

  #whyNotHandedOver(from: Introduction | undefined): MeshError {
    if (from === undefined) return new MeshError('MALFORMED', `no hello in ${ARRIVAL_TIMEOUT_MS} ms`, { expected: 'a hello as first frame' });
    const { node, address } = from;
    const expected = this.#desired.get(node);
    if (expected === address) return new MeshError('OVERLOADED', `the session with ${node} has not started`, { todo: 'try again later' });
    if (expected !== undefined) return new MeshError('REFUSED', `node ${node} is at ${expected}, not at ${address}`, { given: address, expected, todo: 'give each node a name of its own' });
    return new MeshError('REFUSED', `node ${node} is not an alive member of this mesh`, { given: node, todo: 'join the mesh by gossip first' });
  }

  #close(arrival: number, fault: MeshError): RosterEffect {
    this.#arrivals.delete(arrival);
    return { kind: 'close-arrival', arrival, fault };
  }

  #decide(now: number): readonly RosterEffect[] {
    if (!this.#nodes.isTold) return [];
    const desired = this.#desired;
    const effects: RosterEffect[] = [];
    for (const [node, address] of desired) effects.push(...this.#decideWanted(node, address, now));
    for (const [node, child] of this.#children) {
      if (desired.has(node)) continue;
      if (child.step === 'absent') this.#children.delete(node);
      else if (child.step === 'up' && now >= child.notBeforeMs) effects.push(terminate(node, child));
    }
    for (const [number, { from }] of this.#arrivals) {
      if (from === undefined || desired.get(from.node) !== from.address) continue;
      const child = this.#children.get(from.node);
      if (child?.step !== 'up' || !child.isReachable) continue;
      this.#arrivals.delete(number);
      effects.push({ kind: 'hand-over', arrival: number, node: from.node });
    }
    return effects;
  }

  #decideWanted(node: string, address: string, now: number): readonly RosterEffect[] {
    const child = this.#children.get(node);
    if (child === undefined) return [this.#start(node, address, now)];
    if (now < child.notBeforeMs) return [];
    if (child.step === 'up' && child.address !== undefined && child.address !== address) return [terminate(node, child)];
    const isSilent = child.step === 'up' && now - child.heardAtMs >= SILENCE_MAX_MS;
    return child.step === 'absent' || isSilent ? [this.#start(node, address, now)] : [];
  }

  #start(node: string, address: string, now: number): RosterEffect {
    Object.assign(this.#child(node, now), { step: 'starting', address } satisfies Partial<Child>);
    return { kind: 'start-child', node, address };
  }
}

function impostor(node: string, proved: string): MeshError {
  return new MeshError('WRONG_IDENTITY', `the certificate of node ${proved} does not make it node ${node}`, { given: node, expected: proved, todo: 'start it under the name in its certificate' });
}

function terminate(node: string, child: Child): RosterEffect {
  child.step = 'stopping';
  return { kind: 'terminate-child', node };
}
