/** Real nodes, agents and commands as processes, in a home of their own, all ended when the playground is cleared. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandHere } from './command-here.ts';

const MESH = new URL('../../dist/cli/main.js', import.meta.url).pathname;
const READY = /^READY (\S+) gossip=(\S+) grpc=(\S+) admin=(\S+)$/m;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartedNode {
  readonly name: string;
  readonly gossip: string;
  readonly grpc: string;
  readonly admin: string;
  readonly dataDir: string;
  readonly process: ChildProcess;
  readonly readyAfterMs: number;
  /** All it has said on standard error so far. */
  stderr(): string;
  stdout(): string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** `mesh …` as a process. */
  mesh(...args: string[]): Promise<Finished>;
  /** What `mesh … --json` prints, asked by this process. */
  json<T>(...args: string[]): Promise<T>;
}

/** A home directory and everything started in it, for one test or one demo. */
export class Playground {
  readonly #colour: boolean;
  readonly home = mkdtempSync(join(tmpdir(), 'mesh-'));
  readonly #children = new Set<ChildProcess>();
  #isCleared = false;

  constructor({ colour = false } = {}) {
    this.#colour = colour;
  }

  /** @param options further flags of `mesh start` and of Node, where it listens, and another Node to run it */
  async node(name: string, options: { readonly bind?: string; readonly flags?: readonly string[]; readonly nodeFlags?: readonly string[]; readonly ports?: readonly [string, string]; readonly readyWithinMs?: number; readonly netns?: string; readonly runtime?: string } = {}): Promise<StartedNode> {
    const startedAt = performance.now();
    const dataDir = join(this.home, name);
    const [gossipPort, grpcPort] = options.ports ?? ['0', '0'];
    const flags = ['--name', name, '--bind', options.bind ?? '127.0.0.1', '--gossip-port', gossipPort, '--grpc-port', grpcPort, '--data-dir', dataDir];
    const within = options.netns === undefined ? [] : ['ip', 'netns', 'exec', options.netns];
    const child = this.#run([...(options.nodeFlags ?? []), MESH, 'start', ...flags, ...(options.flags ?? [])], within, options.runtime);
    const said = listenTo(child);
    const ready = await until(`READY of ${name}`, options.readyWithinMs ?? 10_000, () => {
      if (child.exitCode !== null) throw new Hopeless(`${name} ended with ${child.exitCode}: ${said.stderr()}`);
      return READY.exec(said.stdout()) ?? undefined;
    });
    const [, , gossip = '', grpc = '', admin = ''] = ready;
    const mesh = (...args: string[]): Promise<Finished> => this.run(...args, '--data-dir', dataDir);
    return {
      name,
      gossip,
      grpc,
      admin,
      dataDir,
      process: child,
      readyAfterMs: performance.now() - startedAt,
      ...said,
      kill: (signal) => endOf(child, () => child.kill(signal)),
      mesh,
      json: async <T>(...args: string[]) => {
        const { stdout, stderr, code } = await commandHere(this.home, [...args, '--data-dir', dataDir, '--json']);
        if (code !== 0) throw new Error(`mesh ${args.join(' ')} ended with ${code}: ${stderr}`);
        return JSON.parse(stdout) as T;
      },
    };
  }

  /** n1, and n2 and n3 that join it, at the first addresses of a network such as `127.0.33`. */
  async trio(network: string): Promise<readonly [StartedNode, StartedNode, StartedNode]> {
    // At once, on a machine with something else to do.
    const readyWithinMs = 30_000;
    const n1 = await this.node('n1', { bind: `${network}.1`, readyWithinMs });
    const flags = ['--join', n1.gossip];
    const [n2, n3] = await Promise.all([2, 3].map((i) => this.node(`n${i}`, { bind: `${network}.${i}`, flags, readyWithinMs })));
    return [n1, n2!, n3!];
  }

  /** A long-running `mesh …`, such as an agent or a watch. */
  spawn(...args: string[]): ChildProcess {
    return this.#run([MESH, ...args]);
  }

  /** @param within a command that runs another in its place */
  #run(args: readonly string[], within: readonly string[] = [], runtime = process.execPath): ChildProcess {
    if (this.#isCleared) throw new Hopeless('the playground has been cleared');
    const [command = runtime, ...rest] = [...within, runtime, ...args];
    const child = spawn(command, rest, { env: this.#env(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.add(child);
    return child;
  }

  /** `mesh …` to its end. */
  async run(...args: string[]): Promise<Finished> {
    const child = this.spawn(...args);
    const said = listenTo(child);
    const code = await endOf(child, () => undefined);
    return { code, stdout: said.stdout(), stderr: said.stderr() };
  }

  /** For good: nothing starts in it any more. */
  async clear(): Promise<void> {
    this.#isCleared = true;
    await Promise.all([...this.#children].filter((child) => child.exitCode === null && child.signalCode === null).map((child) => endOf(child, () => child.kill('SIGKILL'))));
    rmSync(this.home, { recursive: true, force: true });
  }

  #env(): NodeJS.ProcessEnv {
    const { PATH } = process.env;
    return { ...(PATH === undefined ? {} : { PATH }), HOME: this.home, ...(this.#colour ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) };
  }
}

export function listenTo(child: ChildProcess): { stdout(): string; stderr(): string } {
  let out = '';
  let err = '';
  child.stdout?.on('data', (bytes: Buffer) => void (out += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => void (err += bytes.toString()));
  return { stdout: () => out, stderr: () => err };
}

export function endOf(child: ChildProcess, cause: () => unknown): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
    child.once('close', (code) => resolve(code));
    cause();
  });
}

/** What a process has written may reach us after what it did was seen by another way. */
export function untilSaid(said: { stderr(): string }, line: RegExp): Promise<true> {
  return until(`${line} on stderr`, 5_000, () => (line.test(said.stderr()) ? true : undefined));
}

/** Waiting longer will not help. */
class Hopeless extends Error {}

/** Asks again and again until there is an answer. Fails with the last error when there is none in time. */
export async function until<T>(what: string, withinMs: number, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${withinMs} ms${last instanceof Error ? ` (${last.message})` : ''}`);
}
