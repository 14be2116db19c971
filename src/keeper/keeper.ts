/**
 * `mesh start --keep`: a small process that runs the node as its child and starts it again by the supervisors' rules.
 * It loads next to nothing, so that whatever ends the node does not end it too.
 */
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { systemErrorMeaning } from '../system-error.ts';
import { writeCrashReport } from './crash-report.ts';
import { END_SIGNALS, KeeperCore } from './keeper-core.ts';
import type { Crash, EndSignal, KeeperEffect, KeeperInput } from './keeper-core.ts';
import type { NodeWord } from './keeper-messages.ts';
import { CANNOT_SPAWN, NodeLife } from './node-life.ts';
import { serviceManager } from './service-manager.ts';
import type { ServiceManager } from './service-manager.ts';

export interface KeeperOptions {
  /** Of this same Node binary: what starts the node. */
  readonly args: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
}

/** @returns the exit code, when no life of the node is left and none will follow */
export async function keepNode(options: KeeperOptions): Promise<number> {
  const keeper = new Keeper(options);
  const hear = (signal: EndSignal): void => keeper.take({ kind: 'signalled', signal });
  for (const signal of END_SIGNALS) process.on(signal, hear);
  // Whoever read the lines may leave; the node stays.
  process.stderr.on('error', () => undefined);
  keeper.take({ kind: 'begin' });
  return keeper.done;
}

class Keeper {
  readonly done: Promise<number>;
  readonly #options: KeeperOptions;
  readonly #core: KeeperCore;
  readonly #manager: ServiceManager | undefined;
  #resolveDone: (exitCode: number) => void = () => undefined;
  #node: NodeLife | undefined;
  #isUp = false;
  /** Known once the first life has read its configuration; before that it has told its faults on standard error. */
  #dataDir: string | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#core = new KeeperCore(options.random);
    this.#manager = serviceManager(process.env, options.clock, say);
    this.#manager?.watch(() => this.#beat());
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
  }

  take(input: KeeperInput): void {
    for (const effect of this.#core.handle(input, this.#options.clock.now())) this.#perform(effect);
  }

  #perform(effect: KeeperEffect): void {
    switch (effect.kind) {
      case 'start':
        return this.#start();
      case 'pass':
        return this.#node?.signal(effect.signal);
      case 'wake':
        this.#options.clock.setTimer(effect.afterMs, () => this.take({ kind: 'woken', turn: effect.turn }));
        return;
      case 'report':
        return this.#report(effect.crash);
      case 'announce': {
        const state = { up: { READY: '1' }, restarting: {}, stopping: { STOPPING: '1' } }[effect.state];
        return this.#manager?.notify({ ...state, STATUS: effect.status });
      }
      case 'exit':
        return void this.#close(effect.exitCode);
    }
  }

  #start(): void {
    const { args, clock } = this.#options;
    const ended = (exitCode: number, signal: string | null): void => {
      this.#isUp = false;
      this.take({ kind: 'exited', exitCode, signal });
    };
    try {
      this.#node = new NodeLife(args, clock, { said: (word) => this.#hear(word), stderr: (bytes) => void process.stderr.write(bytes), exited: ended });
    } catch (error) {
      this.#node = undefined;
      say(`no process can be made: ${systemErrorMeaning(error) ?? String(error)}`);
      // Later, as other ends come: the effects of this start are still being performed.
      clock.setTimer(0, () => ended(CANNOT_SPAWN, null));
    }
  }

  #hear(word: NodeWord): void {
    switch (word.kind) {
      case 'claimed':
        this.#dataDir = word.dataDir;
        return;
      case 'ready':
        this.#isUp = true;
        return this.take(word);
      case 'alive':
        return this.#manager?.notify({ WATCHDOG: '1' });
    }
  }

  /** A node that is up has to answer for itself; for one that starts or waits to, the keeper does, which has deadlines. */
  #beat(): void {
    if (this.#isUp) this.#node?.askWhetherAlive();
    else this.#manager?.notify({ WATCHDOG: '1' });
  }

  #report(crash: Crash): void {
    const next = crash.delayMs === null ? 'it stays down' : `it starts again in ${crash.delayMs} ms`;
    say(`life ${crash.life} of the node ended with ${crash.signal ?? crash.exitCode}; ${next} (${crash.why})`);
    if (this.#dataDir === undefined) return;
    try {
      writeCrashReport(this.#dataDir, crash, this.#options.clock.wallNow(), this.#node?.lastLines.lines ?? []);
    } catch (error) {
      say(`the report of it cannot be written to ${this.#dataDir}: ${systemErrorMeaning(error) ?? String(error)}`);
    }
  }

  async #close(exitCode: number): Promise<void> {
    await this.#manager?.close();
    this.#resolveDone(exitCode);
  }
}

function say(text: string): void {
  process.stderr.write(`mesh: keeper: ${text}\n`);
}
