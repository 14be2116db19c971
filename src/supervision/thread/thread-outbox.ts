/** Inside a thread: the way out to the main thread, bounded, and the refs and questions that take it. */
import type { MessagePort } from 'node:worker_threads';
import type { LogFields, LogLevel, Logger } from '../../log.ts';
import { askReply, refuseAsk } from '../asks.ts';
import type { AskReply } from '../asks.ts';
import { AskError } from '../behavior.ts';
import type { ActorRef, AskFailure, Reply, SendOutcome } from '../behavior.ts';
import type { TraceEntry } from '../trace.ts';
import { decode, encode, survey } from './crossing.ts';
import type { Crossing, Fillings, ReplyName, Transferable } from './crossing.ts';
import type { ThreadGauge } from './thread-gauge.ts';
import type { FromThread } from './thread-messages.ts';

/** What the main thread has not taken yet; as much as a mailbox holds. A main thread that stalls must not fill memory. */
const POSTED_MAX = 10_000;
/** Questions that wait for an answer, for the same reason. */
const QUESTIONS_MAX = 10_000;

interface Question {
  readonly path: string;
  resolve(value: unknown): void;
  reject(error: AskError): void;
}

export class ThreadOutbox implements Fillings, Logger {
  readonly #self: string;
  readonly #port: MessagePort;
  readonly #gauge: ThreadGauge;
  readonly #questions = new Map<number, Question>();
  /** How the main thread calls the replies that are known here. */
  readonly #names = new WeakMap<Reply<never>, ReplyName>();
  #nextQuestion = 1;
  #posted = 0;

  /** @param self path of the actor that runs here */
  constructor(self: string, port: MessagePort, gauge: ThreadGauge) {
    this.#self = self;
    this.#port = port;
    this.#gauge = gauge;
  }

  /** For what the main thread must hear, and what is bounded by what it said itself. @returns how many were posted, with this one */
  post(message: FromThread, transfer: readonly Transferable[] = []): number {
    this.#port.postMessage(message, [...transfer]);
    return ++this.#posted;
  }

  log(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (this.#isFull) return;
    const isClean = survey(fields, 'fields').fault === undefined;
    this.post({ kind: 'log', level, event, fields: isClean ? fields : (JSON.parse(JSON.stringify(fields)) as LogFields) });
  }

  /** Like lines of the log, for people: a main thread that is behind has other things to hear first. */
  traced(entry: TraceEntry): void {
    if (!this.#isFull) this.post({ kind: 'traced', entry });
  }

  /**
   * The main thread alone knows whether the message finds its actor and room: `accepted` says that it is on its way, and it
   * becomes a dead letter where it does not. @returns `full` when the main thread does not take what is sent already
   */
  send(to: string, message: unknown): SendOutcome {
    if (this.#isFull) return 'full';
    const packed = this.#pack(to, message);
    if (packed === undefined) return 'refused';
    try {
      this.post({ kind: 'send', to, crossing: packed.crossing }, packed.transfer);
    } catch {
      // A buffer that was moved before, say.
      return 'refused';
    }
    return 'accepted';
  }

  offer(to: string, message: unknown): Promise<SendOutcome> {
    if (this.#isFull) return Promise.resolve('full');
    const packed = this.#pack(to, message);
    if (packed === undefined) return Promise.resolve('refused');
    return new Promise((resolve, reject) => {
      const id = this.#await({ path: to, resolve, reject });
      this.post({ kind: 'offer', id, to, crossing: packed.crossing }, packed.transfer);
    });
  }

  ask<R>(to: string, make: (reply: Reply<R>) => unknown, timeoutMs: number): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.#isFull) return reject(new AskError('full', to, 'the main thread is behind'));
      const id = this.#await({ path: to, resolve, reject });
      const reply = askReply<R>(
        (answer) => this.#settle(id)?.resolve(answer),
        (why) => this.unanswered(id, 'refused', why),
      );
      this.#names.set(reply, { origin: 'thread', id });
      const packed = this.#pack(to, make(reply));
      if (packed !== undefined) this.post({ kind: 'ask', id, to, crossing: packed.crossing, timeoutMs }, packed.transfer);
    });
  }

  answered(id: number, value: unknown): void {
    this.#settle(id)?.resolve(value);
  }

  unanswered(id: number, failure: AskFailure, why: string): void {
    const question = this.#settle(id);
    question?.reject(new AskError(failure, question.path, why));
  }

  unpack(crossing: Crossing): unknown {
    return decode(crossing, this);
  }

  // Fillings

  ref(path: string): ActorRef<never> {
    return {
      path,
      send: (message) => this.send(path, message),
      offer: (message) => this.offer(path, message),
      ask: (make, timeoutMs) => this.ask(path, make, timeoutMs),
    };
  }

  reply(name: ReplyName): Reply<unknown> {
    const { id } = name;
    const reply = askReply<unknown>(
      (answer) => {
        const surveyed = survey(answer, 'answer');
        if (surveyed.fault !== undefined) return void this.post({ kind: 'refuse', id, why: surveyed.fault });
        const { crossing, transfer } = encode(answer, surveyed, (inner) => this.#nameOf(inner));
        this.post({ kind: 'answer', id, crossing }, transfer);
      },
      (why) => this.post({ kind: 'refuse', id, why }),
    );
    this.#names.set(reply, name);
    return reply;
  }

  get #isFull(): boolean {
    return this.#posted - this.#gauge.taken >= POSTED_MAX || this.#questions.size >= QUESTIONS_MAX;
  }

  /** Undefined when it cannot cross; who asked is told, and the log. */
  #pack(to: string, message: unknown): ReturnType<typeof encode> | undefined {
    const surveyed = survey(message, 'message');
    const { fault, replies } = surveyed;
    if (fault === undefined) return encode(message, surveyed, (reply) => this.#nameOf(reply));
    for (const reply of replies) refuseAsk(reply, fault);
    this.log('warn', 'message-refused', { actor: this.#self, to, fault });
    return undefined;
  }

  /** Every reply that is seen here was made here. */
  #nameOf(reply: AskReply<unknown>): ReplyName {
    return this.#names.get(reply)!;
  }

  #await(question: Question): number {
    const id = this.#nextQuestion++;
    this.#questions.set(id, question);
    return id;
  }

  #settle(id: number): Question | undefined {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    return question;
  }
}
