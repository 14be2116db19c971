/** Nodes and agents as processes, for the demo: `mesh` as anybody would run it, in a home directory of its own. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MESH = new URL('../dist/cli/main.js', import.meta.url).pathname;
/** Nothing in the demo should take longer; a machine that is this slow should say so rather than wait. */
const STEP_MS = 30_000;

export interface DemoNode {
  readonly name: string;
  readonly gossip: string;
  readonly grpc: string;
  readonly process: ChildProcess;
  mesh(words: readonly string[]): Promise<{ readonly stdout: string; readonly code: number }>;
}

export interface DemoAgent {
  readonly id: string;
  readonly node: string;
  readonly connected: boolean;
}

export class DemoMesh {
  readonly #home = mkdtempSync(join(tmpdir(), 'mesh-demo-'));
  readonly #nodes: DemoNode[] = [];
  readonly #agents: ChildProcess[] = [];
  readonly #log: string[] = [];

  /** On 127.0.0.1, .2, .3 …, each joining the first. */
  async startNodes(names: readonly string[]): Promise<readonly DemoNode[]> {
    for (const [index, name] of names.entries()) {
      const seed = this.#nodes[0];
      const join = seed === undefined ? [] : ['--join', seed.gossip];
      this.#nodes.push(await this.#startNode(name, `127.0.0.${index + 1}`, join));
    }
    return this.#nodes;
  }

  async startAgents(ids: readonly string[]): Promise<readonly DemoAgent[]> {
    for (const [index, id] of ids.entries()) {
      const node = this.#nodes[Math.floor((index * this.#nodes.length) / ids.length)]!;
      this.#agents.push(this.#spawn(['agent', '--id', id, '--node', node.grpc]));
    }
    return this.agentsAreOn(ids, this.#nodes.map(({ name }) => name));
  }

  async allSee(names: readonly string[], status: string): Promise<void> {
    for (const node of this.#living()) {
      await until(`${node.name} sees ${names.join(', ')} ${status}`, async () => {
        const members = await json<{ name: string; status: string }[]>(node, ['members']);
        return names.every((name) => members.some((member) => member.name === name && member.status === status)) || undefined;
      });
    }
  }

  agentsAreOn(ids: readonly string[], nodes: readonly string[]): Promise<readonly DemoAgent[]> {
    const [asked] = this.#living();
    return until(`agents on ${nodes.join(', ')}`, async () => {
      const agents = await json<DemoAgent[]>(asked!, ['agents']);
      const settled = agents.filter(({ id, node, connected }) => connected && ids.includes(id) && nodes.includes(node));
      return settled.length === ids.length ? settled : undefined;
    });
  }

  async putAndRead(writer: DemoNode, reader: DemoNode, key: string, value: string): Promise<string> {
    await writer.mesh(['registry', 'put', key, value]);
    return until(`${key} on ${reader.name}`, async () => {
      const { code, stdout } = await reader.mesh(['registry', 'get', key, '--json']);
      return code === 0 ? (JSON.parse(stdout) as { value: string }).value : undefined;
    });
  }

  async killActor(node: DemoNode, path: string): Promise<{ readonly life: number; readonly after: number }> {
    const { life } = await json<{ life: number }>(node, ['chaos', 'kill', path]);
    const after = await until(`${path} runs again`, async () => {
      const actor = await json<{ life: number; status: string }>(node, ['tree', path]);
      return actor.life > life && actor.status === 'running' ? actor.life : undefined;
    });
    return { life, after };
  }

  async killNode(node: DemoNode): Promise<void> {
    await ended(node.process, 'SIGKILL');
  }

  /** Agents first, then the nodes, youngest first. @returns the exit codes */
  async stop(): Promise<readonly (number | null)[]> {
    const codes = await Promise.all(this.#agents.map((agent) => ended(agent, 'SIGTERM')));
    for (const node of this.#living().reverse()) codes.push(await ended(node.process, 'SIGTERM'));
    if (codes.some((code) => code !== 0)) throw new Error(`everything should have ended with 0: ${codes.join(' ')}`);
    return codes;
  }

  lastLog(): string {
    return this.#log.slice(-20).join('\n');
  }

  /** Leaves nothing behind, whatever happened. */
  clear(): void {
    for (const child of [...this.#agents, ...this.#nodes.map((node) => node.process)]) child.kill('SIGKILL');
    rmSync(this.#home, { recursive: true, force: true });
  }

  #living(): DemoNode[] {
    return this.#nodes.filter((node) => isRunning(node.process));
  }

  async #startNode(name: string, bind: string, join: readonly string[]): Promise<DemoNode> {
    const dataDir = `${this.#home}/${name}`;
    const child = this.#spawn(['start', '--name', name, '--bind', bind, '--gossip-port', '0', '--grpc-port', '0', '--data-dir', dataDir, ...join]);
    let said = '';
    child.stdout?.on('data', (bytes: Buffer) => void (said += bytes.toString()));
    const [, gossip = '', grpc = ''] = await until(`${name} is ready`, () => {
      if (!isRunning(child)) throw new Error(`${name} ended with ${child.exitCode}`);
      return Promise.resolve(/^READY \S+ gossip=(\S+) grpc=(\S+)/m.exec(said) ?? undefined);
    });
    return { name, gossip, grpc, process: child, mesh: (words) => this.#run([...words, '--data-dir', dataDir]) };
  }

  #spawn(words: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [MESH, ...words], { env: this.#env(), stdio: ['ignore', 'pipe', 'pipe'] });
    // Kept for when something goes wrong: the terminal belongs to the demo.
    child.stderr.on('data', (bytes: Buffer) => void this.#log.push(...bytes.toString().split('\n').slice(0, -1)));
    return child;
  }

  #run(words: readonly string[]): Promise<{ stdout: string; code: number }> {
    return new Promise((resolve) => {
      execFile(process.execPath, [MESH, ...words], { env: this.#env() }, (error, stdout) => resolve({ stdout, code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1 }));
    });
  }

  #env(): NodeJS.ProcessEnv {
    const colour = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
    return { ...process.env, ...colour, HOME: this.#home };
  }
}

async function json<T>(node: DemoNode, words: readonly string[]): Promise<T> {
  const { stdout, code } = await node.mesh([...words, '--json']);
  if (code !== 0) throw new Error(`mesh ${words.join(' ')} on ${node.name} ended with ${code}`);
  return JSON.parse(stdout) as T;
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (!isRunning(child)) return child.exitCode;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
  return child.exitCode;
}

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + STEP_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${STEP_MS / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
