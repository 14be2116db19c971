/** What the demo does to its mesh: nodes and agents as processes, `mesh` as anybody would run it. */
import type { ChildProcess } from 'node:child_process';
import { endOf, listenTo, Playground, until } from '../test/support/mesh-process.ts';
import type { Finished, StartedNode } from '../test/support/mesh-process.ts';

/** Nothing in the demo should take longer; a machine that is this slow should say so rather than wait. */
const STEP_MS = 30_000;

export interface DemoAgent {
  readonly id: string;
  readonly node: string;
  readonly connected: boolean;
}

export class DemoMesh {
  readonly #play = new Playground({ colour: process.stdout.isTTY });
  readonly #nodes: StartedNode[] = [];
  readonly #agents: { readonly process: ChildProcess; stderr(): string }[] = [];

  /** On 127.0.0.1, .2, .3 …, each joining the first. */
  async startNodes(names: readonly string[]): Promise<readonly StartedNode[]> {
    for (const [index, name] of names.entries()) {
      const seed = this.#nodes[0];
      const flags = seed === undefined ? [] : ['--join', seed.gossip];
      this.#nodes.push(await this.#play.node(name, { bind: `127.0.0.${index + 1}`, flags }));
    }
    return this.#nodes;
  }

  startAgents(ids: readonly string[]): Promise<readonly DemoAgent[]> {
    for (const [index, id] of ids.entries()) {
      const node = this.#nodes[Math.floor((index * this.#nodes.length) / ids.length)]!;
      const process = this.#play.spawn('agent', '--id', id, '--node', node.grpc);
      this.#agents.push({ process, ...listenTo(process) });
    }
    return this.agentsAreOn(ids, this.#nodes.map(({ name }) => name));
  }

  async allSee(names: readonly string[], status: string): Promise<void> {
    for (const node of this.#living()) {
      await until(`${node.name} sees ${names.join(', ')} ${status}`, STEP_MS, async () => {
        const members = await node.json<{ name: string; status: string }[]>('members');
        return names.every((name) => members.some((member) => member.name === name && member.status === status)) || undefined;
      });
    }
  }

  agentsAreOn(ids: readonly string[], nodes: readonly string[]): Promise<readonly DemoAgent[]> {
    const [asked] = this.#living();
    return until(`agents on ${nodes.join(', ')}`, STEP_MS, async () => {
      const agents = await asked!.json<DemoAgent[]>('agents');
      const settled = agents.filter(({ id, node, connected }) => connected && ids.includes(id) && nodes.includes(node));
      return settled.length === ids.length ? settled : undefined;
    });
  }

  async putAndRead(writer: StartedNode, reader: StartedNode, key: string, value: string): Promise<string> {
    await writer.mesh('registry', 'put', key, value);
    return until(`${key} on ${reader.name}`, STEP_MS, async () => (await reader.json<{ value: string }>('registry', 'get', key)).value);
  }

  /** As an operator would: the answer, or the reason why there is none. */
  async ask(node: StartedNode, ...words: string[]): Promise<Finished> {
    const finished = await node.mesh(...words);
    if (finished.code !== 0) throw new Error(`mesh ${words.join(' ')} ended with ${finished.code}: ${finished.stderr}`);
    return finished;
  }

  async killActor(node: StartedNode, path: string): Promise<{ readonly life: number; readonly after: number }> {
    const { life } = await node.json<{ life: number }>('chaos', 'kill', path);
    const after = await until(`${path} runs again`, STEP_MS, async () => {
      const actor = await node.json<{ life: number; status: string }>('tree', path);
      return actor.life > life && actor.status === 'running' ? actor.life : undefined;
    });
    return { life, after };
  }

  async killNode(node: StartedNode): Promise<void> {
    await node.kill('SIGKILL');
  }

  /** Agents first, then the nodes, youngest first. @returns the exit codes */
  async stop(): Promise<readonly (number | null)[]> {
    const codes = await Promise.all(this.#agents.map(({ process }) => endOf(process, () => process.kill('SIGTERM'))));
    for (const node of this.#living().reverse()) codes.push(await node.kill('SIGTERM'));
    if (codes.some((code) => code !== 0)) throw new Error(`everything should have ended with 0: ${codes.join(' ')}`);
    return codes;
  }

  /** The end of what each process has said on standard error: the terminal belongs to the demo. */
  logs(): string {
    return [...this.#nodes, ...this.#agents].map((process) => process.stderr().split('\n').slice(-6).join('\n')).join('');
  }

  /** Leaves nothing behind, whatever happened. */
  clear(): Promise<void> {
    return this.#play.clear();
  }

  #living(): StartedNode[] {
    return this.#nodes.filter(({ process }) => process.exitCode === null && process.signalCode === null);
  }
}
