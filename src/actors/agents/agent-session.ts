/**
 * One agent's session: telemetry up against credit, commands down, and a wait for the agent to come back. Pure.
 *
 * 1. There is at most one stream. A newer one replaces it; each has a generation, and what an older one still says is
 *    ignored.
 * 2. The agent may have so many records under way as it has credit. Credit is given back as records are taken from the
 *    stream, whether or not the bus has room for them: a batch it refuses is dropped and counted. An agent that sends
 *    without credit is sent away.
 * 3. Every command taken is answered once: by the agent's result, by the end of its stream, or not at all when it is
 *    late, for then whoever asked has been told so.
 */
import { MeshError } from '../../errors.ts';
import type { LogFields, LogLevel } from '../../log.ts';
import type { AgentFrame__Output } from '../../transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { SignedBundle } from '../../transport/generated/omega/mesh/v1/SignedBundle.ts';
import type { CommandResult__Output } from '../../transport/generated/omega/mesh/v1/CommandResult.ts';
import type { NodeFrame } from '../../transport/generated/omega/mesh/v1/NodeFrame.ts';
import type { TelemetryBatch__Output } from '../../transport/generated/omega/mesh/v1/TelemetryBatch.ts';
import { RateWindow } from './rate-window.ts';

/** What an agent answers to a command, or why it does not. */
export type CommandAnswer = { readonly ok: boolean; readonly output: string } | MeshError;

/** One command on its way to an agent. */
export interface CommandOrder {
  /** Unique in the mesh; late answers to an earlier one must not be taken for answers to this. */
  readonly command: string;
  readonly name: string;
  readonly arguments: readonly string[];
  readonly timeoutMs: number;
}

/** What is known of the agent's last connection to this node. */
export interface AgentConnection {
  /** Milliseconds since the Unix epoch, by the node's clock. With the node's name it orders connections of one agent. */
  readonly connectedAtMs: number;
  readonly program: string;
}

export interface AgentSessionStatus {
  readonly isConnected: boolean;
  /** Undefined in a life that no stream was attached to yet. */
  readonly connection: AgentConnection | undefined;
  readonly ratePerS: number;
  readonly records: number;
  readonly lastSeenAtMs: number;
}

export interface AgentSessionOptions {
  readonly agent: string;
  readonly self: string;
  /** Generations count from here. Each life of the actor has a range of its own, so that none is met twice. */
  readonly firstGeneration: number;
}

export type AgentSessionInput =
  | { readonly kind: 'started' }
  | { readonly kind: 'attached'; readonly connection: AgentConnection; readonly alternatives: readonly string[] }
  | { readonly kind: 'frame'; readonly generation: number; readonly frame: AgentFrame__Output }
  | { readonly kind: 'closed'; readonly generation: number }
  | { readonly kind: 'sent'; readonly generation: number; readonly frame: NodeFrame; readonly outcome: 'accepted' | 'full' | 'closed' }
  | { readonly kind: 'published'; readonly isTaken: boolean }
  /** `origin` is the node that waits for the answer. */
  | { readonly kind: 'command'; readonly origin: string; readonly order: CommandOrder }
  /** Send the agent away, if this is still its connection. */
  | { readonly kind: 'drain'; readonly connectedAtMs: number; readonly reason: string }
  /** Once each `PULSE_MS`. */
  /** Once each `PULSE_MS`; with what the agent is to believe, the same object until that is another. */
  | { readonly kind: 'pulse'; readonly bundle?: SignedBundle | undefined }
  | { readonly kind: 'stopping' };

export type AgentSessionEffect =
  /** The stream just attached is this generation. */
  | { readonly kind: 'adopt'; readonly generation: number }
  /** What became of it must come back as `sent`. */
  | { readonly kind: 'send'; readonly generation: number; readonly frame: NodeFrame }
  | { readonly kind: 'close'; readonly generation: number; readonly fault: MeshError | undefined }
  /** Whether the bus took it must come back as `published`. */
  | { readonly kind: 'publish'; readonly batch: TelemetryBatch__Output }
  | { readonly kind: 'answer'; readonly command: string; readonly origin: string; readonly answer: CommandAnswer }
  | { readonly kind: 'report'; readonly status: AgentSessionStatus }
  | { readonly kind: 'exit' }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

export const PULSE_MS = 1_000;
/** Records under way to this node. At one record a second an agent never waits; at full speed it is one round trip's worth. */
export const CREDIT_WINDOW = 256;
/** Credit goes back in halves: one grant for 128 records, while the other half keeps the agent sending. */
const GRANT_AT = CREDIT_WINDOW / 2;
/** Half of what the bus carries in one message. */
const BATCH_BYTES_MAX = 512 * 1024;
/** An operator sends a few; a script that sends more than an agent answers is told so. */
const OUTSTANDING_MAX = 256;
/** Source: agent.proto, CommandResult. */
const OUTPUT_BYTES_MAX = 64 * 1024;
/** An agent whose network failed is back within its backoff of half a minute; its actor waits twice that. */
const LINGER_MS = 60_000;

interface Link {
  readonly generation: number;
  /** Records the agent may still send. */
  credit: number;
  /** Records taken and not granted again yet. */
  owed: number;
  /** The bundle that it was sent last. */
  told: SignedBundle | undefined;
}

interface Outstanding {
  readonly origin: string;
  readonly lateAtMs: number;
}

export class AgentSession {
  readonly #options: AgentSessionOptions;
  #generation: number;
  #link: Link | undefined;
  #connection: AgentConnection | undefined;
  #detachedAtMs = 0;
  #lastSeenAtMs = 0;
  #records = 0;
  #rate = new RateWindow(0);
  readonly #outstanding = new Map<string, Outstanding>();
  #unpublished = 0;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#generation = options.firstGeneration;
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** Batches that the bus had no room for. */
  get unpublished(): number {
    return this.#unpublished;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  status(now: number): AgentSessionStatus {
    return {
      isConnected: this.isConnected,
      connection: this.#connection,
      ratePerS: this.isConnected ? this.#rate.perSecond(now) : 0,
      records: this.#records,
      lastSeenAtMs: this.#lastSeenAtMs,
    };
  }

  handle(input: AgentSessionInput, now: number): readonly AgentSessionEffect[] {
    switch (input.kind) {
      case 'started':
        this.#detachedAtMs = now;
        this.#lastSeenAtMs = now;
        return [this.#report(now)];
      case 'attached':
        return this.#attach(input.connection, input.alternatives, now);
      case 'frame':
        return this.#link?.generation === input.generation ? this.#hear(this.#link, input.frame, now) : [];
      case 'closed':
        return this.#link?.generation === input.generation ? this.#lose(this.#link, undefined, now) : [];
      case 'sent':
        return this.#link?.generation === input.generation ? this.#sent(this.#link, input.frame, input.outcome, now) : [];
      case 'published':
        if (!input.isTaken) this.#unpublished++;
        return [];
      case 'command':
        return this.#command(input.origin, input.order, now);
      case 'drain':
        return this.#connection?.connectedAtMs === input.connectedAtMs ? this.#sendAway(input.reason, now) : [];
      case 'pulse':
        return this.#pulse(input.bundle, now);
      case 'stopping':
        return this.#sendAway('the session ends on this node', now);
    }
  }

  #attach(connection: AgentConnection, alternatives: readonly string[], now: number): readonly AgentSessionEffect[] {
    const before = this.#sendAway('a newer connection of the same agent took the place of this one', now);
    const link: Link = { generation: ++this.#generation, credit: CREDIT_WINDOW, owed: 0, told: undefined };
    this.#link = link;
    this.#connection = connection;
    this.#lastSeenAtMs = now;
    this.#records = 0;
    this.#rate = new RateWindow(now);
    const welcome: NodeFrame = { welcome: { node: this.#options.self, credit: CREDIT_WINDOW, alternatives: [...alternatives] } };
    return [
      ...before,
      { kind: 'adopt', generation: link.generation },
      { kind: 'send', generation: link.generation, frame: welcome },
      this.#report(now),
      this.#log('info', 'agent-connected', { program: connection.program }),
    ];
  }

  #hear(link: Link, frame: AgentFrame__Output, now: number): readonly AgentSessionEffect[] {
    this.#lastSeenAtMs = now;
    if (frame.telemetry) return this.#take(link, frame.telemetry, now);
    if (frame.result) return this.#settle(frame.result);
    if (frame.hello) return this.#lose(link, new MeshError('MALFORMED', 'a second hello in one session'), now);
    // A body of a later protocol: nothing hangs on it.
    return [];
  }

  #take(link: Link, batch: TelemetryBatch__Output, now: number): readonly AgentSessionEffect[] {
    // An empty batch costs one too, or it would be a way to send without end.
    const cost = Math.max(1, batch.records.length);
    if (cost > link.credit) {
      const fault = new MeshError('REFUSED', 'telemetry was sent without credit', { given: `${cost} records`, expected: `at most ${link.credit}`, todo: 'wait for credit' });
      return this.#lose(link, fault, now);
    }
    const bytes = batch.records.reduce((sum, record) => sum + record.byteLength, 0);
    if (bytes > BATCH_BYTES_MAX) {
      const fault = new MeshError('TOO_LARGE', 'a batch of telemetry is too large', { given: `${bytes} bytes`, expected: `at most ${BATCH_BYTES_MAX}`, todo: 'send fewer records in one batch' });
      return this.#lose(link, fault, now);
    }
    link.credit -= cost;
    link.owed += cost;
    this.#records += batch.records.length;
    this.#rate.add(batch.records.length, now);
    return [{ kind: 'publish', batch }, ...this.#grant(link)];
  }

  #grant(link: Link): readonly AgentSessionEffect[] {
    if (link.owed < GRANT_AT) return [];
    const records = link.owed;
    link.credit += records;
    link.owed = 0;
    return [{ kind: 'send', generation: link.generation, frame: { credit: { records } } }];
  }

  #sent(link: Link, frame: NodeFrame, outcome: 'accepted' | 'full' | 'closed', now: number): readonly AgentSessionEffect[] {
    if (outcome === 'accepted') return [];
    if (outcome === 'closed') return this.#lose(link, undefined, now);
    if (frame.credit) {
      // Owed still; the next pulse tries again.
      link.credit -= frame.credit.records ?? 0;
      link.owed += frame.credit.records ?? 0;
      return [];
    }
    // The next pulse tries again.
    if (frame.bundle) link.told = undefined;
    const { id } = frame.command ?? {};
    return id === undefined ? [] : this.#answer(id, new MeshError('OVERLOADED', `agent ${this.#options.agent} does not read what it is sent`, { todo: 'try again later' }));
  }

  #command(origin: string, order: CommandOrder, now: number): readonly AgentSessionEffect[] {
    const { command } = order;
    this.#outstanding.set(command, { origin, lateAtMs: now + order.timeoutMs });
    if (this.#link === undefined) return this.#answer(command, this.#offline('is not connected'));
    if (this.#outstanding.size > OUTSTANDING_MAX) {
      return this.#answer(command, new MeshError('OVERLOADED', `agent ${this.#options.agent} has ${OUTSTANDING_MAX} commands to answer already`, { todo: 'try again later' }));
    }
    const frame: NodeFrame = { command: { id: command, name: order.name, arguments: [...order.arguments], timeoutMs: order.timeoutMs } };
    return [{ kind: 'send', generation: this.#link.generation, frame }];
  }

  /** An id that nobody waits for, or no more, is ignored. */
  #settle({ id, ok, output }: CommandResult__Output): readonly AgentSessionEffect[] {
    const bytes = Buffer.byteLength(output);
    if (bytes <= OUTPUT_BYTES_MAX) return this.#answer(id, { ok, output });
    return this.#answer(id, new MeshError('TOO_LARGE', `agent ${this.#options.agent} answered more than an answer may hold`, { given: `${bytes} bytes`, expected: `at most ${OUTPUT_BYTES_MAX}` }));
  }

  #answer(command: string, answer: CommandAnswer): readonly AgentSessionEffect[] {
    const outstanding = this.#outstanding.get(command);
    if (outstanding === undefined) return [];
    this.#outstanding.delete(command);
    return [{ kind: 'answer', command, origin: outstanding.origin, answer }];
  }

  #pulse(bundle: SignedBundle | undefined, now: number): readonly AgentSessionEffect[] {
    for (const [command, { lateAtMs }] of this.#outstanding) if (lateAtMs <= now) this.#outstanding.delete(command);
    if (this.#link !== undefined) return [...this.#grant(this.#link), ...this.#tell(this.#link, bundle), this.#report(now)];
    return now - this.#detachedAtMs >= LINGER_MS ? [{ kind: 'exit' }] : [this.#report(now)];
  }

  #tell(link: Link, bundle: SignedBundle | undefined): readonly AgentSessionEffect[] {
    if (bundle === undefined || bundle === link.told) return [];
    link.told = bundle;
    return [{ kind: 'send', generation: link.generation, frame: { bundle } }];
  }

  #sendAway(reason: string, now: number): readonly AgentSessionEffect[] {
    const link = this.#link;
    if (link === undefined) return [];
    // Closed in good order, since a fault would overtake the drain.
    return [{ kind: 'send', generation: link.generation, frame: { drain: { reason } } }, ...this.#lose(link, undefined, now, reason)];
  }

  #lose(link: Link, fault: MeshError | undefined, now: number, reason = fault?.message ?? 'the stream ended'): readonly AgentSessionEffect[] {
    this.#link = undefined;
    this.#detachedAtMs = now;
    const unanswered = [...this.#outstanding.keys()].flatMap((command) => this.#answer(command, this.#offline('went away before it answered')));
    return [
      { kind: 'close', generation: link.generation, fault },
      ...unanswered,
      this.#report(now),
      this.#log(fault === undefined ? 'info' : 'warn', 'agent-disconnected', { reason, records: this.#records }),
    ];
  }

  #offline(how: string): MeshError {
    return new MeshError('AGENT_OFFLINE', `agent ${this.#options.agent} ${how}`, { todo: 'see `mesh agents`' });
  }

  #report(now: number): AgentSessionEffect {
    return { kind: 'report', status: this.status(now) };
  }

  #log(level: LogLevel, event: string, fields: LogFields): AgentSessionEffect {
    return { kind: 'log', level, event, fields: { agent: this.#options.agent, ...fields } };
  }
}
