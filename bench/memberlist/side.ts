/** One side of `npm run bench:memberlist`: a mesh in a process of its own, in a network of its own where that can be had. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Network } from './network.ts';

/** What a side tells: that an order is carried out, or what one node (`at`) came to know of another (`about`). */
export interface Happened {
  /** On a clock of the side's own. */
  readonly ms: number;
  /**
   * accused: the node's own probe was not answered. condemned: its own patience with a suspect is over. gone: it takes the
   * other for dead or left, on whoever's word.
   */
  readonly what: 'ready' | 'join' | 'leave' | 'kill' | 'alive' | 'accused' | 'condemned' | 'gone';
  readonly at: string;
  readonly about: string;
}

export interface Program {
  readonly name: string;
  readonly command: readonly string[];
}

/** Of CPU time in /proc, which is in ticks. */
const TICK_MS = 1_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export class Side {
  readonly nodes: number;
  readonly network: Network;
  /** To the present mesh. */
  happened: Happened[] = [];
  readonly #process: ChildProcess;
  #onNews: () => void = () => undefined;

  constructor(program: Program, network: Network, nodes: number, profile: string) {
    this.nodes = nodes;
    this.network = network;
    const [command, ...args] = [...network.enter, ...program.command, '--nodes', String(nodes), '--profile', profile];
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      this.happened.push(JSON.parse(line) as Happened);
      this.#onNews();
    });
  }

  /** A new mesh, in place of the one there was. */
  begin(): void {
    this.happened = [];
    this.order('begin');
  }

  order(...words: readonly string[]): void {
    this.#process.stdin!.write(`${words.join(' ')}\n`);
  }

  /** What `judge` says of all that has happened once it says something; undefined when the patience is over. */
  until<T>(judge: (happened: readonly Happened[]) => T | undefined, patienceMs: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (verdict: T | undefined): void => {
        clearTimeout(timer);
        this.#onNews = () => undefined;
        this.#process.off('exit', onExit);
        resolve(verdict);
      };
      const onExit = (code: number | null): void => {
        clearTimeout(timer);
        reject(new Error(`a side ended with ${code}`));
      };
      const timer = setTimeout(() => settle(undefined), patienceMs);
      this.#process.once('exit', onExit);
      this.#onNews = () => {
        const verdict = judge(this.happened);
        if (verdict !== undefined) settle(verdict);
      };
      this.#onNews();
    });
  }

  /** Of the whole process so far. */
  get cpuMs(): number {
    // The name of the command, which may hold anything, ends with the last parenthesis; utime and stime are fields 14 and 15.
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}
