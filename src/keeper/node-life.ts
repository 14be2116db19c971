/** One life of a node, as a child process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock } from '../clock.ts';
import { LastLines } from './crash-report.ts';
import type { KeeperWord, NodeWord } from './keeper-messages.ts';
import { KEPT_VARIABLE } from './kept.ts';
import { NOTIFY_VARIABLES } from './service-manager.ts';

/** sysexits.h, EX_OSERR: the system could not make the process. */
export const CANNOT_SPAWN = 71;
/** A process that it left behind may hold its standard error for ever; its own last lines are there long before. */
const STDERR_GRACE_MS = 500;

export interface NodeLifeEvents {
  said(word: NodeWord): void;
  stderr(bytes: Buffer): void;
  /** Exactly once, when its last lines are there. `exitCode` is 128 + the signal's number when one ended it. */
  exited(exitCode: number, signal: NodeJS.Signals | null): void;
}

export class NodeLife {
  readonly lastLines = new LastLines();
  readonly #child: ChildProcess;
  #isAsked = false;

  /**
   * @param args of this same Node binary
   * @throws the system's error for some of the reasons for which no process can be made (ENOMEM); others end the life (EAGAIN)
   */
  constructor(args: readonly string[], clock: Clock, events: NodeLifeEvents) {
    // A session of its own: of Ctrl-C the terminal tells every process in the foreground, and a node that heard it from
    // there and from its keeper would take it for the second signal, which ends it at once.
    this.#child = spawn(process.execPath, args, { env: keptEnvironment(), stdio: ['ignore', 'inherit', 'pipe', 'ipc'], detached: true });
    let isOver = false;
    const end = (exitCode: number, signal: NodeJS.Signals | null): void => {
      if (!isOver) events.exited(exitCode, signal);
      isOver = true;
    };
    const endWith = (code: number | null, signal: NodeJS.Signals | null): void => end(signal === null ? (code ?? 0) : 128 + constants.signals[signal], signal);
    this.#child.on('message', (word) => {
      this.#isAsked = false;
      // The channel may still hold words when the process is gone; by then they are of no life.
      if (!isOver) events.said(word as NodeWord);
    });
    this.#child.on('error', (error) => {
      // Also what a signal or a word that comes too late ends in; then it has a process id, and its end is on the way.
      if (this.#child.pid !== undefined) return;
      const bytes = Buffer.from(`${error.message}\n`);
      this.lastLines.add(bytes);
      events.stderr(bytes);
      end(CANNOT_SPAWN, null);
    });
    this.#child.once('exit', (code, signal) => void clock.setTimer(STDERR_GRACE_MS, () => endWith(code, signal)));
    this.#child.once('close', endWith);
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.lastLines.add(bytes);
      events.stderr(bytes);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** One question at a time: a node that hangs would otherwise find one for each beat that it missed. */
  askWhetherAlive(): void {
    if (this.#isAsked || !this.#child.connected) return;
    this.#isAsked = true;
    const word: KeeperWord = { kind: 'are-you-alive' };
    this.#child.send(word, () => undefined);
  }
}

function keptEnvironment(): NodeJS.ProcessEnv {
  const ours = new Set<string>(NOTIFY_VARIABLES);
  const inherited = Object.entries(process.env).filter(([name]) => !ours.has(name));
  return { ...Object.fromEntries(inherited), [KEPT_VARIABLE]: '1' };
}
