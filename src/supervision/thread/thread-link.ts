/** The main thread's end of one life that runs in a thread of its own. */
import { Worker } from 'node:worker_threads';
import type { Actor } from '../actor.ts';
import { AskError } from '../behavior.ts';
import type { ActorContext, ActorRef, ErrorInfo, ExitReason, Reply, Signal } from '../behavior.ts';
import { messageName } from '../trail/dead-letters.ts';
import { asThrown, reasonError, toErrorInfo } from '../exit-reason.ts';
import { decode, encode, survey } from './crossing.ts';
import { refuse } from './refusal.ts';
import type { RefusalHost } from './refusal.ts';
import type { Crossing, Fillings, ReplyName, Transferable } from './crossing.ts';
import { HUNG, OUT_OF_MEMORY, PROCESS_EXIT, threadError } from './thread-error.ts';
import { ThreadGauge } from './thread-gauge.ts';
import type { FromThread, ThreadStart, ToThread } from './thread-messages.ts';
import { threadOptions } from './thread-options.ts';
import { ThreadReplies } from './thread-replies.ts';
import { THREAD_DEFAULTS } from './thread-spec.ts';
import { ThreadedActor } from './threaded-actor.ts';
import type { ThreadSpec } from './thread-spec.ts';
import { pulseMs, watchPulses } from './thread-watch.ts';

/** What a life in a thread needs of the runtime. */
export interface ThreadHost extends RefusalHost {
  ref(path: string): ActorRef<unknown>;
  find(path: string): Actor | undefined;
}

/** What its cell waits for. */
interface Pending {
  resolve(): void;
  reject(error: Error): void;
}

/** V8's young generation is part of the heap, and needs no more than this. */
const YOUNG_MB_MAX = 16;
/** How a cell says that it handles a message. */
const RECEIVE = 'receive ';

type Context = ActorContext<unknown>;

export class ThreadLink implements Fillings {
  readonly #host: ThreadHost;
  readonly #context: Context;
  readonly #worker: Worker;
  readonly #gauge = new ThreadGauge();
  readonly #replies = new ThreadReplies();
  readonly #stopWatch: () => void;
  #pending: Pending | undefined;
  /** The message that the thread has. */
  #inHand: { readonly message: unknown } | undefined;
  #delivered = 0;
  /** Of the thread, as far as it has been accounted for. */
  #work = { messages: 0, busyUs: 0 };
  #isIgnored = false;
  #isOver = false;
  #view: unknown;
  #described: string | undefined;
  trapsStop = false;
  trapsExits = false;

  /** @param onEnd called once when the thread has ended */
  constructor(spec: ThreadSpec, context: Context, host: ThreadHost, onEnd: () => void) {
    const { hangTimeoutMs = THREAD_DEFAULTS.hangTimeoutMs, memoryMbMax = THREAD_DEFAULTS.memoryMbMax } = spec;
    this.#host = host;
    this.#context = context;
    const argument = encode(spec.argument, survey(spec.argument, 'argument'), (reply) => this.#replies.nameOf(reply));
    const start: ThreadStart = {
      path: context.path,
      life: context.life,
      module: String(spec.module),
      exportName: spec.export,
      argument: argument.crossing,
      memory: this.#gauge.memory,
      pulseMs: pulseMs(hangTimeoutMs),
      memoryBytesMax: memoryMbMax * 2 ** 20,
    };
    const youngMb = Math.min(YOUNG_MB_MAX, memoryMbMax / 4);
    const resourceLimits = { maxOldGenerationSizeMb: memoryMbMax - youngMb, maxYoungGenerationSizeMb: youngMb };
    this.#worker = new Worker(...threadOptions('./thread-main', { workerData: start, resourceLimits, name: context.path }));
    this.#worker.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('error', (error: unknown) => this.#fail(this.#threadFault(error, memoryMbMax)));
    this.#worker.on('exit', (code) => {
      this.#fail(threadError(PROCESS_EXIT, `its thread ended by itself, as process.exit(${code}) does`));
      this.#settle();
      onEnd();
    });
    this.#stopWatch = watchPulses(this.#gauge, hangTimeoutMs, () => this.#fail(threadError(HUNG, `its thread gave no sign of life for ${hangTimeoutMs} ms`)));
    const actor = host.find(context.path);
    if (actor instanceof ThreadedActor) context.own(actor.runsBy(this.#gauge));
    context.own(() => this.#release());
  }

  /** Resolves when its init is done: `ignored` when there is nothing to run. */
  async initialised(): Promise<'initialised' | 'ignored'> {
    await this.#wait();
    return this.#isIgnored ? 'ignored' : 'initialised';
  }

  /** Resolves when the thread has handled the message, at once when it cannot cross. */
  deliver(message: unknown): Promise<void> | void {
    const surveyed = survey(message, 'message');
    if (surveyed.fault !== undefined) return refuse(this.#context.path, message, surveyed.fault, this.#host);
    const { crossing, transfer } = encode(message, surveyed, (reply) => this.#replies.nameOf(reply));
    try {
      this.#post({ kind: 'message', crossing }, transfer);
    } catch (error) {
      // A buffer that was moved before, say.
      return refuse(this.#context.path, message, toErrorInfo(error).message, this.#host);
    }
    this.#delivered++;
    this.#inHand = { message };
    return this.#wait();
  }

  /** Resolves when no more is to be delivered before the signal has been heard. */
  tell(signal: Signal): Promise<void> | void {
    this.#post({ kind: 'signal', signal });
    if (signal.kind === 'stop' && !this.trapsStop) return this.#wait();
  }

  /** What the behavior showed of its state, a moment ago. */
  get view(): unknown {
    return this.#view;
  }

  /** A message in words. Those of the behavior are known only of the one in which its life ended. */
  describe(message: unknown): string {
    return this.#described ?? messageName(message);
  }

  // Fillings

  ref(path: string): ActorRef<never> {
    return this.#host.ref(path);
  }

  reply(name: ReplyName): Reply<unknown> {
    const { origin, id } = name;
    const own = origin === 'main' ? this.#replies.take(id) : undefined;
    return own ?? this.#replies.standIn(name, (value) => this.#answer(id, value), (why) => this.#post({ kind: 'unanswered', id, failure: 'refused', why }));
  }

  #hear(message: FromThread): void {
    this.#gauge.take();
    if (this.#isOver) return;
    this.#account();
    switch (message.kind) {
      case 'initialised':
        this.trapsStop = message.trapsStop;
        this.trapsExits = message.trapsExits;
        return this.#settle();
      case 'ignored':
        this.#isIgnored = true;
        return this.#settle();
      case 'started':
        return this.#context.started();
      case 'handled':
        return this.#settle();
      case 'traced':
        return this.#host.find(this.#context.path)?.tracedBeside(message.entry);
      case 'view':
        this.#view = message.json === undefined ? undefined : parsed(message.json);
        return;
      case 'ended':
        if (message.during.startsWith(RECEIVE)) this.#described = message.during.slice(RECEIVE.length);
        return this.#ended(message.reason, message.heard);
      case 'bond':
        return this.#context[message.act](this.ref(message.path));
      case 'log':
        return this.#context.log.log(message.level, message.event, message.fields);
      case 'send':
        return void this.ref(message.to).send(this.#unpack(message.crossing) as never);
      case 'offer':
        return void this.#offer(message);
      case 'ask':
        return void this.#ask(message);
      case 'answer':
        return this.#replies.take(message.id)?.(this.#unpack(message.crossing));
      case 'refuse':
        return this.#replies.refuse(message.id, message.why);
    }
  }

  /** What the actor says to itself does not come by here; it is work all the same. */
  #account(): void {
    const { messages, busyUs } = this.#work;
    this.#work = this.#gauge.work;
    // Differences, also past the 32 bits of a counter.
    const [handled, tookUs] = [(this.#work.messages - messages) | 0, (this.#work.busyUs - busyUs) | 0];
    if (handled > 0 || tookUs > 0) this.#host.find(this.#context.path)?.workedBeside(handled, tookUs / 1_000);
  }

  #ended(reason: ExitReason, heard: number): void {
    // It ended before it came to what was on its way.
    if (this.#delivered > heard && this.#inHand !== undefined) this.#host.deadLetter(this.#context.path, 'ended', this.#inHand.message);
    const error = reasonError(reason);
    if (error !== undefined) return this.#fail(error);
    if (this.#isOver || this.#isIgnored) return;
    this.#isOver = true;
    this.#context.exit(reason);
    this.#settle();
  }

  /** In the message in hand when there is one, so that the report of it names it. */
  #fail(error: ErrorInfo): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) pending.reject(asThrown(error));
    else this.#host.find(this.#context.path)?.inject(asThrown(error), 'its thread');
  }

  #threadFault(error: unknown, memoryMbMax: number): ErrorInfo {
    const info = toErrorInfo(error);
    return info.code === 'ERR_WORKER_OUT_OF_MEMORY' ? threadError(OUT_OF_MEMORY, `its heap reached ${memoryMbMax} MiB`) : info;
  }

  #release(): void {
    this.#isOver = true;
    this.#stopWatch();
    void this.#worker.terminate();
  }

  async #offer({ id, to, crossing }: Extract<FromThread, { kind: 'offer' }>): Promise<void> {
    const outcome = await this.ref(to).offer(this.#unpack(crossing) as never);
    this.#post({ kind: 'offered', id, outcome });
  }

  async #ask({ id, to, crossing, timeoutMs }: Extract<FromThread, { kind: 'ask' }>): Promise<void> {
    try {
      const answer = await this.#host.ref(to).ask<unknown>((reply) => decode(crossing, this.#fillingsOf(id, reply)), timeoutMs);
      this.#answer(id, answer);
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      this.#post({ kind: 'unanswered', id, failure: error.failure, why: error.detail });
    }
  }

  /** The reply of the ask `id` is the one that was made for it here, with all that goes wrong in an ask. */
  #fillingsOf(id: number, reply: Reply<unknown>): Fillings {
    return {
      ref: (path) => this.ref(path),
      reply: (name) => (name.origin === 'thread' && name.id === id ? reply : this.reply(name)),
    };
  }

  #answer(id: number, value: unknown): void {
    const surveyed = survey(value, 'answer');
    if (surveyed.fault !== undefined) return this.#post({ kind: 'unanswered', id, failure: 'refused', why: surveyed.fault });
    const { crossing, transfer } = encode(value, surveyed, (reply) => this.#replies.nameOf(reply));
    try {
      this.#post({ kind: 'answer', id, crossing }, transfer);
    } catch (error) {
      // It must not end the actor that answers.
      this.#post({ kind: 'unanswered', id, failure: 'refused', why: toErrorInfo(error).message });
    }
  }

  #unpack(crossing: Crossing): unknown {
    return decode(crossing, this);
  }

  #post(message: ToThread, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  #settle(): void {
    const pending = this.#pending;
    this.#pending = this.#inHand = undefined;
    pending?.resolve();
  }
}

/** JSON that was cut off is shown as it is. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return json;
  }
}
