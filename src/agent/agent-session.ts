/**
 * An agent's side of its session, over the lives of many streams. Pure.
 *
 * 1. There is at most one stream. Each has a generation, and what an older one still says is ignored.
 * 2. Hello goes first; nothing else before the node's welcome.
 * 3. A record is numbered once, when it is made, and leaves the buffer when the stream has taken it: across streams the
 *    numbers go on. What is under way when a stream breaks is lost, and nothing is sent twice.
 * 4. Records are sent against credit, one credit each. Results of commands are not.
 * 5. Every end of a stream but that of a stopped agent leads to another one, after a wait: to the next node of the ring, or
 *    once more to the same when that had welcomed us and ended no more than the session.
 */
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import type { MeshError } from '../errors.ts';
import type { LogFields, LogLevel } from '../log.ts';
import type { Random } from '../random.ts';
import { backoffDelayMs } from '../supervision/backoff.ts';
import type { Backoff } from '../supervision/backoff.ts';
import type { AgentFrame } from '../transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { AgentHello } from '../transport/generated/omega/mesh/v1/AgentHello.ts';
import type { Command__Output } from '../transport/generated/omega/mesh/v1/Command.ts';
import type { NodeFrame__Output } from '../transport/generated/omega/mesh/v1/NodeFrame.ts';
import type { SignedBundle__Output } from '../transport/generated/omega/mesh/v1/SignedBundle.ts';
import type { Welcome__Output } from '../transport/generated/omega/mesh/v1/Welcome.ts';
import { NodeRing } from './node-ring.ts';
import { RecordBuffer } from './record-buffer.ts';
import type { Batch } from './record-buffer.ts';

export interface AgentSessionOptions {
  readonly hello: AgentHello;
  readonly nodes: readonly [Address, ...Address[]];
  readonly random: Random;
}

type SendOutcome = 'accepted' | 'full' | 'closed';
type TimerKind = 'redial' | 'welcome-late' | 'flush' | 'stop-late';

export type AgentInput =
  | { readonly kind: 'started' }
  /** An encoded TelemetryRecord. */
  | { readonly kind: 'record'; readonly record: Uint8Array }
  | { readonly kind: 'frame'; readonly generation: number; readonly frame: NodeFrame__Output }
  | { readonly kind: 'closed'; readonly generation: number; readonly fault: MeshError | undefined }
  | { readonly kind: 'sent'; readonly generation: number; readonly frame: AgentFrame; readonly outcome: SendOutcome }
  | { readonly kind: 'answered'; readonly generation: number; readonly command: string; readonly ok: boolean; readonly output: string }
  | { readonly kind: 'timer'; readonly timer: TimerKind; readonly generation: number }
  | { readonly kind: 'stop' };

export type AgentEffect =
  | { readonly kind: 'dial'; readonly generation: number; readonly address: Address }
  /** What became of it must come back as `sent`. */
  | { readonly kind: 'send'; readonly generation: number; readonly frame: AgentFrame }
  | { readonly kind: 'close' }
  /** What the node believes, and would have us believe. */
  | { readonly kind: 'bundle'; readonly bundle: SignedBundle__Output }
  /** The answer must come back as `answered`. */
  | { readonly kind: 'run'; readonly generation: number; readonly command: Command__Output }
  /** Must come back as `timer`; never cancelled, outlived by its generation. */
  | { readonly kind: 'set-timer'; readonly timer: TimerKind; readonly generation: number; readonly delayMs: number }
  /** Nothing more will come. With a fault: every node would refuse this agent as it is. */
  | { readonly kind: 'ended'; readonly fault: MeshError | undefined }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

/**
 * With one node there is only it to wait for. The jitter spreads the agents of a node that died, so that they do not all
 * arrive at the next one at once.
 */
const REDIAL_ONLY: Backoff = { baseMs: 200, maxMs: 10_000, jitter: 0.5 };
/** With several, each is asked in turn, and the wait grows from round to round: one that lives is found within seconds. */
const REDIAL_NEXT: Backoff = { ...REDIAL_ONLY, maxMs: 2_000 };
/** A session this long was a good one: the next wait starts from the base again. */
const HEALTHY_AFTER_MS = 10_000;
/** A node answers a hello at once; with connecting, 5 s lost SYNs included. */
const WELCOME_TIMEOUT_MS = 10_000;
/** An hour at one record a second; a host's record is about 500 bytes. */
const BUFFER = { recordsMax: 3_600, bytesMax: 4 * 1024 * 1024 };
/** Few messages for many records, and far below the 512 KiB that a node takes in one. */
const BATCH_RECORDS_MAX = 64;
const BATCH_BYTES_MAX = 256 * 1024;
/** A stream that was full is tried again after this. */
const FLUSH_DELAY_MS = 100;
/** What is left after this when the agent stops is not worth waiting for. */
const STOP_TIMEOUT_MS = 2_000;
/** Faults that an answer to a hello has when the hello is wrong: with any node, at any time. */
const HELLO_FAULTS: ReadonlySet<string> = new Set(['BAD_ARGUMENT', 'TOO_LARGE']);

interface Link {
  readonly generation: number;
  readonly address: Address;
  /** Time of the welcome; undefined before it. */
  openSinceMs: number | undefined;
  credit: number;
  /** Handed to the stream, its outcome not known yet. */
  sending: Batch | undefined;
  /** The stream was full: nothing is offered to it before the flush timer. */
  isWaiting: boolean;
}

export class AgentSession {
  readonly #hello: AgentHello;
  readonly #random: Random;
  readonly #ring: NodeRing;
  readonly #buffer = new RecordBuffer(BUFFER);
  #generation = 0;
  #link: Link | undefined;
  #failures = 0;
  /** The node itself lives and only this session ended: it is the first to be tried again. */
  #staysHere = false;
  #isStopping = false;
  #hasEnded = false;
  /** Dropped records that the log has been told of. */
  #droppedSaid = 0;

  constructor(options: AgentSessionOptions) {
    this.#hello = options.hello;
    this.#random = options.random;
    this.#ring = new NodeRing(options.nodes);
  }

  handle(input: AgentInput, now: number): readonly AgentEffect[] {
    if (this.#hasEnded) return [];
    switch (input.kind) {
      case 'started':
        return this.#dial(this.#ring.current);
      case 'record':
        this.#buffer.add(input.record);
        return this.#flush();
      case 'stop':
        return this.#stop();
      case 'timer':
        return input.generation === this.#generation ? this.#timer(input.timer, now) : [];
      case 'frame':
      case 'closed':
      case 'sent':
      case 'answered': {
        const link = this.#link;
        return link === undefined || link.generation !== input.generation ? [] : this.#linked(link, input, now);
      }
    }
  }

  #linked(link: Link, input: Extract<AgentInput, { kind: 'frame' | 'closed' | 'sent' | 'answered' }>, now: number): readonly AgentEffect[] {
    switch (input.kind) {
      case 'frame':
        return this.#hear(link, input.frame, now);
      case 'closed':
        return this.#lose(link, input.fault, input.fault?.message ?? 'the node ended the session', now);
      case 'sent':
        return this.#sent(link, input.frame, input.outcome);
      case 'answered':
        return [this.#send(link, { result: { id: input.command, ok: input.ok, output: input.output } })];
    }
  }

  #dial(address: Address): readonly AgentEffect[] {
    const generation = ++this.#generation;
    const link: Link = { generation, address, openSinceMs: undefined, credit: 0, sending: undefined, isWaiting: false };
    this.#link = link;
    return [
      { kind: 'dial', generation, address },
      this.#send(link, { hello: this.#hello }),
      { kind: 'set-timer', timer: 'welcome-late', generation, delayMs: WELCOME_TIMEOUT_MS },
    ];
  }

  #timer(timer: TimerKind, now: number): readonly AgentEffect[] {
    const link = this.#link;
    switch (timer) {
      case 'redial':
        return this.#dial(this.#staysHere ? this.#ring.current : this.#ring.advance());
      case 'welcome-late':
        return link === undefined || link.openSinceMs !== undefined ? [] : this.#abandon(link, 'the node did not say welcome in time', now);
      case 'flush':
        if (link !== undefined) link.isWaiting = false;
        return this.#flush();
      case 'stop-late':
        return this.#end(undefined);
    }
  }

  #hear(link: Link, frame: NodeFrame__Output, now: number): readonly AgentEffect[] {
    if (link.openSinceMs === undefined) {
      return frame.welcome ? this.#welcome(link, frame.welcome, now) : this.#abandon(link, 'the node did not say welcome first', now);
    }
    if (frame.credit) {
      link.credit += frame.credit.records;
      return this.#flush();
    }
    if (frame.command) return [{ kind: 'run', generation: link.generation, command: frame.command }];
    if (frame.bundle) return [{ kind: 'bundle', bundle: frame.bundle }];
    if (frame.drain) return this.#abandon(link, frame.drain.reason, now);
    // A body of a later protocol: nothing hangs on it.
    return [];
  }

  #welcome(link: Link, welcome: Welcome__Output, now: number): readonly AgentEffect[] {
    link.openSinceMs = now;
    link.credit = welcome.credit;
    this.#ring.learn(welcome.alternatives);
    return [this.#log('info', 'connected', { to: welcome.node, address: formatAddress(link.address), waiting: this.#buffer.length }), ...this.#flush()];
  }

  /** Hands the stream one batch; the next one follows when its outcome is known. */
  #flush(): readonly AgentEffect[] {
    const link = this.#link;
    if (link?.openSinceMs === undefined || link.sending !== undefined || link.isWaiting) return [];
    const batch = this.#buffer.peek(Math.min(BATCH_RECORDS_MAX, link.credit), BATCH_BYTES_MAX);
    // Without credit there is no batch although records wait: a stopping agent gives the node its time to grant some.
    if (batch === undefined) return this.#isStopping && this.#buffer.length === 0 ? [{ kind: 'close' }] : [];
    link.sending = batch;
    return [this.#send(link, { telemetry: { firstSequence: batch.firstSequence, records: [...batch.records] } })];
  }

  #sent(link: Link, frame: AgentFrame, outcome: SendOutcome): readonly AgentEffect[] {
    const batch = frame.telemetry ? link.sending : undefined;
    if (batch === undefined) {
      return outcome === 'full' ? [this.#log('warn', 'answer-dropped', { reason: 'the node does not read' })] : [];
    }
    link.sending = undefined;
    // A stream that has closed says so itself.
    if (outcome === 'closed') return [];
    if (outcome === 'full') {
      link.isWaiting = true;
      return [{ kind: 'set-timer', timer: 'flush', generation: link.generation, delayMs: FLUSH_DELAY_MS }];
    }
    this.#buffer.discardThrough(batch.firstSequence + batch.records.length - 1);
    link.credit -= batch.records.length;
    return this.#flush();
  }

  #abandon(link: Link, reason: string, now: number): readonly AgentEffect[] {
    return [{ kind: 'close' }, ...this.#lose(link, undefined, reason, now)];
  }

  #lose(link: Link, fault: MeshError | undefined, reason: string, now: number): readonly AgentEffect[] {
    this.#link = undefined;
    if (this.#isStopping) return this.#end(undefined);
    const isRefused = link.openSinceMs === undefined && fault !== undefined && HELLO_FAULTS.has(fault.code);
    if (isRefused) return this.#end(fault);
    this.#staysHere = link.openSinceMs !== undefined && fault?.code === 'SESSION_CLOSED';
    const wasHealthy = link.openSinceMs !== undefined && now - link.openSinceMs >= HEALTHY_AFTER_MS;
    this.#failures = wasHealthy ? 0 : this.#failures + 1;
    const { size } = this.#ring;
    const rounds = Math.floor(Math.max(0, this.#failures - 1) / size);
    const delayMs = backoffDelayMs(size > 1 ? REDIAL_NEXT : REDIAL_ONLY, rounds, this.#random);
    const dropped = this.#buffer.dropped - this.#droppedSaid;
    this.#droppedSaid = this.#buffer.dropped;
    return [
      this.#log('warn', 'disconnected', { address: formatAddress(link.address), reason, retryMs: Math.round(delayMs), ...(dropped > 0 ? { recordsDropped: dropped } : {}) }),
      { kind: 'set-timer', timer: 'redial', generation: this.#generation, delayMs },
    ];
  }

  #stop(): readonly AgentEffect[] {
    if (this.#isStopping) return [];
    this.#isStopping = true;
    const link = this.#link;
    if (link === undefined) return this.#end(undefined);
    const last = link.openSinceMs === undefined ? [{ kind: 'close' as const }] : this.#flush();
    return [...last, { kind: 'set-timer', timer: 'stop-late', generation: link.generation, delayMs: STOP_TIMEOUT_MS }];
  }

  #end(fault: MeshError | undefined): readonly AgentEffect[] {
    this.#hasEnded = true;
    return [{ kind: 'ended', fault }];
  }

  #send(link: Link, frame: AgentFrame): AgentEffect {
    return { kind: 'send', generation: link.generation, frame };
  }

  #log(level: LogLevel, event: string, fields: LogFields): AgentEffect {
    return { kind: 'log', level, event, fields };
  }
}
