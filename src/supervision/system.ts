/** All actors of one node: found by path, run under one root, seen as one tree. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../random.ts';
import { Actor } from './actor.ts';
import type { ActorHost, LifeWatcher } from './actor-host.ts';
import { actorInfo } from './actor-info.ts';
import type { ActorInfo } from './actor-info.ts';
import { actorView } from './actor-view.ts';
import type { ActorView } from './actor-view.ts';
import { AskTable } from './asks.ts';
import type { ActorRef, ExitReason, SendOutcome } from './behavior.ts';
import type { AnyBehavior } from './cell-host.ts';
import { behaviorOf, childPath, parentPath, ROOT_PATH } from './child-spec.ts';
import type { ChildSpec, SupervisorRules, SupervisorSpec } from './child-spec.ts';
import { DeadLetters, messageName } from './trail/dead-letters.ts';
import type { DeadLetterReason, Withheld } from './trail/dead-letters.ts';
import { endOfChild } from './trail/end-of-child.ts';
import { EventLog } from './trail/event-log.ts';
import type { SupervisionEvent } from './trail/event-log.ts';
import { isAbnormal, reasonLine, SHUTDOWN } from './exit-reason.ts';
import { BadSpecError } from './spec-fault.ts';
import type { MailboxSpec } from './mailbox.ts';
import { EventLines } from './trail/event-lines.ts';
import { PathRef } from './path-ref.ts';
import { specFaults, specWarning } from './spec-faults.ts';
import type { ChildReport, SupervisorInput } from './supervisor/supervisor-effects.ts';
import type { SupervisorCore } from './supervisor/supervisor-core.ts';
import { supervisorBehavior } from './supervisor/supervisor.ts';
import type { SupervisorHost } from './supervisor/supervisor.ts';
import { threadBehavior } from './thread/thread-behavior.ts';
import { ThreadedActor } from './thread/threaded-actor.ts';
import type { TraceOptions } from './trace.ts';
import { TurnEngine } from './turn-engine.ts';
import { whatIfEnded } from './supervisor/what-if.ts';
import type { Foresight, Present } from './supervisor/what-if.ts';

export interface ActorSystemOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** News of children come one by one, and what follows from them should not take a turn of the loop each. */
const SUPERVISOR_MAILBOX: MailboxSpec = { lane: 'queue' };
/** A state that an operator asked for fills some screens; what is larger is read in pieces, elsewhere. */
const STATE_CHARS_MAX = 65_536;

interface Place {
  spec: ChildSpec;
  /** Of a supervisor whose rules were changed while it ran: they outlive its lives. */
  rules?: SupervisorRules;
  /** Of the last life of a supervisor. */
  core?: SupervisorCore;
  readonly actor: Actor;
  /** By path, in start order. */
  readonly children: Set<string>;
}

export class ActorSystem implements ActorHost, SupervisorHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly engine: TurnEngine;
  readonly events: EventLog;
  readonly deadLetters: DeadLetters;
  readonly #places = new Map<string, Place>();
  readonly #asks: AskTable;
  readonly #lines: EventLines;

  constructor(options: ActorSystemOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.engine = new TurnEngine(this.clock);
    this.#lines = new EventLines(this.clock, this.log);
    this.events = new EventLog((event) => this.#lines.add(event));
    this.deadLetters = new DeadLetters((letter, count) => {
      this.log.log('debug', 'dead-letters', { actor: letter.path, reason: letter.reason, last: letter.message, count });
    });
    this.#asks = new AskTable(this.clock, (path) => this.deadLetter(path, 'late_reply', 'reply'));
  }

  /**
   * Runs a tree. Resolves when all of it is up.
   * @param onExit called once when the root has ended, whether asked to or not.
   * @throws BadSpecError before anything is started; StartError when a child could not start and the rest has been undone.
   */
  start(root: SupervisorSpec, onExit: (reason: ExitReason) => void): Promise<void> {
    const faults = specFaults(root, ROOT_PATH);
    if (faults.length > 0) return Promise.reject(new BadSpecError(faults));
    return new Promise((resolve, reject) => {
      let isUp = false;
      this.startChild(ROOT_PATH, root, {
        started: () => {
          isUp = true;
          resolve();
        },
        ignored: () => undefined,
        exited: (reason) => {
          this.retire(ROOT_PATH);
          this.#record({ type: isAbnormal(reason) ? 'crash' : 'exit', path: ROOT_PATH, life: this.find(ROOT_PATH)?.life ?? 0, reason: reasonLine(reason) });
          this.#lines.flush();
          if (!isUp) reject(new StartError(reason));
          onExit(reason);
        },
      });
    });
  }

  /** Asks the root to stop: all children in reverse start order, each within its own time. */
  stop(): void {
    this.requestStop(ROOT_PATH, SHUTDOWN);
  }

  /** An address; there need not be an actor yet. */
  ref<M>(path: string): ActorRef<M> {
    return new PathRef(path, this, this.#asks);
  }

  /** Reads without asking anyone, so it answers also when a supervisor hangs; undefined when nothing stands at `path`. */
  tree(path: string = ROOT_PATH): ActorView | undefined {
    const place = this.#places.get(path);
    if (place === undefined) return undefined;
    return actorView(place, rulesOf(place)?.strategy, [...place.children].flatMap((child) => this.tree(child) ?? []));
  }

  /** All that is known of the actor at `path`, of it alone. Asks nobody, as `tree`. @returns undefined when nothing stands there. */
  info(path: string): ActorInfo | undefined {
    const place = this.#places.get(path);
    if (place === undefined) return undefined;
    const now = this.clock.now();
    const supervisor = path === ROOT_PATH ? undefined : parentPath(path);
    const alive = (at: string | undefined): SupervisorCore | undefined => (at === undefined || this.livingLife(at) === undefined ? undefined : this.#places.get(at)?.core);
    return actorInfo({
      ...place,
      rules: rulesOf(place),
      budget: alive(supervisor)?.budget(place.spec.id, now),
      childrenBudget: alive(path)?.budget(undefined, now),
      children: place.children.size,
    });
  }

  paths(): readonly string[] {
    return [...this.#places.keys()];
  }

  /** Number of the life at `path`; undefined when there is none now. */
  livingLife(path: string): number | undefined {
    const actor = this.find(path);
    return actor?.isAlive === true ? actor.life : undefined;
  }

  /** Ends a life as an operator; its supervisor then acts by its rules. @returns the life ended, undefined when there is none. */
  kill(path: string, by: string): number | undefined {
    return this.#intervene(path, `kill asked by ${by}`, (actor) => actor.end({ kind: 'killed', by }));
  }

  /** What `kill` would set going, to the end; undefined when there is no life at `path`. */
  whatIfKilled(path: string, by: string): Foresight | undefined {
    if (this.livingLife(path) === undefined) return undefined;
    const present: Present = {
      now: this.clock.now(),
      coreAt: (at) => (this.livingLife(at) === undefined ? undefined : this.#places.get(at)?.core),
      rulesAt: (at, spec) => rulesOf(this.#places.get(at) ?? { spec }),
      uptimeMs: (at) => this.find(at)?.uptimeMs ?? 0,
      ref: (at) => this.ref(at),
    };
    return whatIfEnded(present, path, { kind: 'killed', by });
  }

  /** Ends a life with `error`, as if its own code had thrown it. @returns the life ended, undefined when there is none. */
  inject(path: string, error: Error, by: string): number | undefined {
    return this.#intervene(path, `error injected by ${by}: ${error.message}`, (actor) => actor.inject(error));
  }

  /** The life hears no mail until it is resumed or ends. @returns the life, undefined when there is none. */
  suspend(path: string, by: string): number | undefined {
    return this.#intervene(path, `suspend asked by ${by}`, (actor) => actor.suspend());
  }

  resume(path: string, by: string): number | undefined {
    return this.#intervene(path, `resume asked by ${by}`, (actor) => actor.resume());
  }

  /**
   * What the actor's `view` shows of its state, as JSON of at most `charsMax`; `shown` is undefined when it shows nothing.
   * Asks nobody, as `tree`. @returns undefined when there is no life.
   */
  state(path: string, charsMax: number = STATE_CHARS_MAX): { readonly life: number; readonly shown: string | undefined } | undefined {
    const actor = this.find(path);
    return actor?.isAlive === true ? { life: actor.life, shown: actor.stateShown(charsMax) } : undefined;
  }

  /**
   * Tells of each message that the actor handles, over its restarts too, until `messagesMax` were told or it is stopped.
   * @returns what stops it, undefined when nothing stands at `path`.
   * @throws MeshError BAD_ARGUMENT when a limit is missing or too large
   */
  trace(path: string, options: TraceOptions): (() => void) | undefined {
    return this.find(path)?.trace(options);
  }

  /**
   * Sends the message of a dead letter again, to who was to have it or to `to`.
   * @returns what became of it, or why it cannot be sent again; undefined when the letter is not kept.
   */
  replay(sequence: number, to: string | undefined, by: string): { readonly path: string; readonly outcome: SendOutcome | Withheld } | undefined {
    const found = this.deadLetters.find(sequence);
    if (found === undefined) return undefined;
    const path = to ?? found.letter.path;
    if (found.withheld !== undefined) return { path, outcome: found.withheld };
    this.admin(path, `replay of dead letter ${sequence} asked by ${by}`);
    const outcome = this.ref(path).send(found.content);
    if (outcome === 'accepted') this.deadLetters.replayed(sequence);
    return { path, outcome };
  }

  // ActorHost

  find(path: string): Actor | undefined {
    return this.#places.get(path)?.actor;
  }

  deadLetter(path: string, reason: DeadLetterReason, message: unknown): void {
    this.deadLetters.add({ atMs: this.clock.wallNow(), path, reason, message: messageName(message) }, message);
  }

  failAsks(path: string, why: string): void {
    this.#asks.failAll(path, why);
  }

  // SupervisorHost

  ledBy(supervisor: string, core: SupervisorCore): void {
    const place = this.#places.get(supervisor)!;
    place.core = core;
    this.#list(supervisor, place, Array.from(core.children(), ({ spec }) => spec));
  }

  startChild(path: string, spec: ChildSpec, watcher: LifeWatcher): void {
    const { actor } = this.#places.get(path) ?? this.#settle(path, spec);
    actor.start({
      started: () => {
        const type = actor.life === 1 ? 'start' : 'restart';
        this.#record({ type, path, life: actor.life, reason: type });
        watcher.started();
      },
      ignored: () => watcher.ignored(),
      exited: (reason, uptimeMs) => watcher.exited(reason, uptimeMs),
    });
  }

  requestStop(path: string, reason: ExitReason): void {
    this.find(path)?.requestStop(reason);
  }

  end(path: string, reason: ExitReason): void {
    this.find(path)?.end(reason);
  }

  endChildren(path: string, reason: ExitReason): void {
    const place = this.#places.get(path);
    const own = new Set(place === undefined ? [] : rulesOf(place)?.children);
    for (const child of [...(place?.children ?? [])].reverse()) {
      this.end(child, reason);
      // The next life of the supervisor knows the children of its spec; the others have nobody to come back to.
      if (own.has(this.#places.get(child)!.spec)) this.retire(child);
      else this.forget(child);
    }
  }

  awaitRestart(path: string): void {
    this.find(path)?.awaitRestart();
  }

  retire(path: string): void {
    this.find(path)?.retire();
  }

  forget(path: string): void {
    const place = this.#places.get(path);
    if (place === undefined) return;
    for (const child of place.children) this.forget(child);
    place.actor.retire();
    this.#places.delete(path);
    this.#places.get(parentPath(path))?.children.delete(path);
  }

  tell(supervisor: string, life: number, input: SupervisorInput): void {
    this.find(supervisor)?.sendFirst(life, input);
  }

  admin(path: string, what: string): void {
    this.#record({ type: 'admin', path, life: this.find(path)?.life ?? 0, reason: what });
  }

  change(supervisor: string, rules: SupervisorRules, children: readonly ChildSpec[]): void {
    const place = this.#places.get(supervisor)!;
    place.rules = rules;
    this.#list(supervisor, place, children);
  }

  report(supervisor: string, child: string, report: ChildReport): void {
    const { spec, actor } = this.#places.get(child)!;
    const strategy = rulesOf(this.#places.get(supervisor)!)?.strategy;
    this.#record(endOfChild(actor, spec, { path: supervisor, strategy }, report));
    if (report.decision !== 'escalate') return;
    this.#record({ type: 'escalate', path: supervisor, life: this.find(supervisor)?.life ?? 0, reason: `gives up over ${child}` });
  }

  #record(event: Omit<SupervisionEvent, 'sequence' | 'atMs'>): void {
    this.events.record({ atMs: this.clock.wallNow(), ...event });
  }

  #intervene(path: string, what: string, act: (actor: Actor) => boolean): number | undefined {
    const actor = this.find(path);
    if (actor === undefined) return undefined;
    const { life } = actor;
    this.admin(path, what);
    return act(actor) ? life : undefined;
  }

  /** All that the supervisor knows of stands in the tree, in start order, also where one was forgotten and is named again. */
  #list(supervisor: string, place: Place, children: readonly ChildSpec[]): void {
    place.children.clear();
    for (const spec of children) {
      const path = childPath(supervisor, spec.id);
      const child = this.#places.get(path) ?? this.#settle(path, spec);
      if (child.spec !== spec) delete child.rules;
      child.spec = spec;
      place.children.add(path);
    }
  }

  #settle(path: string, spec: ChildSpec): Place {
    const makeBehavior = (): AnyBehavior => {
      if (place.spec.type === 'supervisor') return supervisorBehavior(rulesOf(place)!, path, this);
      return place.spec.isolation === 'thread' ? threadBehavior(place.spec, this) : behaviorOf(place.spec);
    };
    const mailbox = spec.type === 'worker' ? spec.mailbox : SUPERVISOR_MAILBOX;
    const warning = specWarning(spec);
    if (warning !== undefined) this.log.log('warn', 'spec-warning', { actor: path, warning, todo: "restart: 'permanent'" });
    const parts: ConstructorParameters<typeof Actor> = [this.ref(path), makeBehavior, mailbox, this];
    const actor = spec.type === 'worker' && spec.isolation === 'thread' ? new ThreadedActor(this, ...parts) : new Actor(...parts);
    const place: Place = { spec, actor, children: new Set() };
    this.#places.set(path, place);
    if (path !== ROOT_PATH) this.#places.get(parentPath(path))?.children.add(path);
    return place;
  }
}

/** The tree could not be started; what was already up has been stopped again. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly reason: ExitReason;

  constructor(reason: ExitReason) {
    super(reasonLine(reason));
    this.reason = reason;
  }
}

/** What the supervisor at `place` goes by; undefined when a worker stands there. */
function rulesOf({ spec, rules }: Pick<Place, 'spec' | 'rules'>): SupervisorRules | undefined {
  return rules ?? (spec.type === 'supervisor' ? spec : undefined);
}
