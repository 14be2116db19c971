/** The reference agent: this host's figures to a node of the mesh, and answers to commands. Runs until it is told to stop. */
import { arch, hostname, release, type } from 'node:os';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import type { Clock, Timer } from '../clock.ts';
import { MeshError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../random.ts';
import type { FrameStream } from '../transport/frame-stream.ts';
import type { AgentFrame } from '../transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { Command__Output } from '../transport/generated/omega/mesh/v1/Command.ts';
import type { NodeFrame__Output } from '../transport/generated/omega/mesh/v1/NodeFrame.ts';
import { bundleFrom } from '../transport/bundle-message.ts';
import { dialAgent } from '../transport/grpc-client.ts';
import type { MeshTls } from '../transport/tls.ts';
import { encodeTelemetryRecord } from '../transport/telemetry-codec.ts';
import type { SignedBundle } from '../trust/signed-bundle.ts';
import { AgentSession } from './agent-session.ts';
import type { AgentEffect, AgentInput } from './agent-session.ts';
import { answerCommand } from './commands.ts';
import type { CommandAnswer, Sample } from './commands.ts';
import { HostMetrics } from './host-metrics.ts';

export interface AgentTls extends MeshTls {
  /** Hears what the node believes; to be looked into. */
  readonly onBundle?: (bundle: SignedBundle) => void;
}

export interface AgentOptions {
  /** [A-Za-z0-9._-], 1 to 128 characters; unique in the mesh. */
  readonly id: string;
  /** Tried in this order, at least one. */
  readonly nodes: readonly Address[];
  /** Time between two readings. */
  readonly intervalMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  /** With the identity of this agent. */
  readonly tls: AgentTls;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborting stops the agent in good order. */
  readonly signal: AbortSignal;
}

/**
 * Resolves once the agent has been stopped and what it had to send has gone out, or cannot.
 * @throws MeshError BAD_ARGUMENT or TOO_LARGE when a node refuses the id or the labels: no node would take them
 */
export function runAgent(options: AgentOptions): Promise<void> {
  return new Agent(options).run();
}

class Agent {
  readonly #options: AgentOptions;
  readonly #program: string;
  readonly #session: AgentSession;
  readonly #metrics: HostMetrics;
  readonly #startedAt: number;
  #samples: readonly Sample[] = [];
  #stream: FrameStream<AgentFrame, NodeFrame__Output> | undefined;
  readonly #timers = new Set<Timer>();
  readonly #inputs: AgentInput[] = [];
  #isHandling = false;
  #finish: (fault: MeshError | undefined) => void = () => undefined;
  #hasFinished = false;

  constructor(options: AgentOptions) {
    const { id, nodes, labels, version, random, clock } = options;
    const [first, ...others] = nodes;
    if (first === undefined) throw new MeshError('BAD_ARGUMENT', 'an agent needs a node to connect to', { expected: 'at least one host[:port]' });
    this.#options = options;
    this.#program = `mesh-agent/${version}`;
    this.#session = new AgentSession({ hello: { id, program: this.#program, labels: { ...labels } }, nodes: [first, ...others], random });
    this.#metrics = new HostMetrics(clock);
    this.#startedAt = clock.now();
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const stop = (): void => this.#handle({ kind: 'stop' });
    const finished = new Promise<MeshError | undefined>((resolve) => {
      this.#finish = resolve;
    });
    this.#handle({ kind: 'started' });
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    void this.#measure();
    const fault = await finished;
    this.#hasFinished = true;
    for (const timer of this.#timers) timer.cancel();
    signal.removeEventListener('abort', stop);
    if (fault !== undefined) throw fault;
  }

  /** The next reading is due one interval after this one began, or at once when it took longer. */
  async #measure(): Promise<void> {
    const { clock, intervalMs } = this.#options;
    const beganAt = clock.now();
    const samples = await this.#metrics.read();
    if (this.#hasFinished) return;
    this.#samples = samples;
    this.#handle({ kind: 'record', record: encodeTelemetryRecord({ atMs: clock.wallNow(), samples: [...samples] }) });
    this.#setTimer(intervalMs - (clock.now() - beganAt), () => void this.#measure());
  }

  /** Inputs that effects give rise to wait for their turn. */
  #handle(input: AgentInput): void {
    this.#inputs.push(input);
    if (this.#isHandling) return;
    this.#isHandling = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      for (const effect of this.#session.handle(next, this.#options.clock.now())) this.#perform(effect);
    }
    this.#isHandling = false;
  }

  #perform(effect: AgentEffect): void {
    const { log } = this.#options;
    switch (effect.kind) {
      case 'dial':
        this.#stream = this.#dial(effect.generation, effect.address);
        return;
      case 'send':
        this.#handle({ ...effect, kind: 'sent', outcome: this.#stream?.send(effect.frame) ?? 'closed' });
        return;
      case 'close':
        this.#stream?.close();
        return;
      case 'run':
        this.#handle({ kind: 'answered', generation: effect.generation, command: effect.command.id, ...this.#answer(effect.command) });
        return;
      case 'bundle':
        this.#options.tls.onBundle?.(bundleFrom(effect.bundle));
        return;
      case 'set-timer':
        this.#setTimer(effect.delayMs, () => this.#handle({ kind: 'timer', timer: effect.timer, generation: effect.generation }));
        return;
      case 'ended':
        this.#finish(effect.fault);
        return;
      case 'log':
        log.log(effect.level, effect.event, effect.fields);
        return;
    }
  }

  #setTimer(delayMs: number, fire: () => void): void {
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      fire();
    });
    this.#timers.add(timer);
  }

  #dial(generation: number, address: Address): FrameStream<AgentFrame, NodeFrame__Output> {
    this.#options.log.log('debug', 'connecting', { address: formatAddress(address) });
    const stream = dialAgent(address, { tls: this.#options.tls });
    stream.onFrame((frame) => this.#handle({ kind: 'frame', generation, frame }));
    stream.onClosed((fault) => this.#handle({ kind: 'closed', generation, fault }));
    return stream;
  }

  #answer({ name, arguments: args }: Command__Output): CommandAnswer {
    const { id, labels, clock } = this.#options;
    return answerCommand(name, args, {
      id,
      program: this.#program,
      time: new Date(clock.wallNow()).toISOString(),
      hostName: hostname(),
      platform: `${type()} ${release()} ${arch()}`,
      uptimeMs: clock.now() - this.#startedAt,
      labels,
      samples: this.#samples,
    });
  }
}
