/** Real Serf agents as processes, from Debian's package `serf`; for tests that put them and our nodes into one cluster. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { endOf, listenTo, until } from './mesh-process.ts';

/** Undefined when agents can be run; else what is missing. */
export function whatSerfLacks(): string | undefined {
  const { error, status } = spawnSync('serf', ['version'], { stdio: 'ignore' });
  return error === undefined && status === 0 ? undefined : 'serf is not installed: apt-get install serf';
}

interface SerfMember {
  readonly name: string;
  readonly addr: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface SerfAgent {
  readonly name: string;
  readonly gossip: string;
  readonly process: ChildProcess;
  /** All it has logged. */
  log(): string;
  /** A `serf` command that asks it; its standard output. Fails when the command does. */
  serf(...args: string[]): Promise<string>;
  /** A `serf` command that goes on. */
  follow(...args: string[]): ChildProcess;
  members(): Promise<Readonly<Record<string, SerfMember>>>;
  kill(signal: NodeJS.Signals): Promise<unknown>;
}

const GOSSIP_PORT = 17_946;
const RPC_PORT = 17_373;

export class SerfAgents {
  readonly #children = new Set<ChildProcess>();

  /** @param ip of its own */
  async start(name: string, ip: string, flags: readonly string[]): Promise<SerfAgent> {
    const rpc = `-rpc-addr=${ip}:${RPC_PORT}`;
    const gossip = `${ip}:${GOSSIP_PORT}`;
    const child = this.#spawn('agent', `-node=${name}`, `-bind=${gossip}`, rpc, '-profile=local', '-log-level=info', ...flags);
    const said = listenTo(child);
    const log = (): string => said.stdout() + said.stderr();
    const serf = (command: string, ...args: string[]): Promise<string> => runSerf(command, rpc, ...args);
    await until(`the agent ${name}`, 15_000, async () => (await serf('members')) && true).catch((error: Error) => {
      throw new Error(`${error.message}\n${log()}`);
    });
    return {
      name,
      gossip,
      process: child,
      log,
      serf: (command = '', ...args) => serf(command, ...args),
      follow: (command = '', ...args) => this.#spawn(command, rpc, ...args),
      async members() {
        const { members } = JSON.parse(await serf('members', '-format=json')) as { members: SerfMember[] };
        return Object.fromEntries(members.map((member) => [member.name, member]));
      },
      kill: (signal) => endOf(child, () => child.kill(signal)),
    };
  }

  async clear(): Promise<void> {
    await Promise.all([...this.#children].map((child) => endOf(child, () => child.kill('SIGKILL'))));
  }

  #spawn(...args: string[]): ChildProcess {
    const child = spawn('serf', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.add(child);
    return child;
  }
}

function runSerf(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('serf', args, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(`serf ${args.join(' ')}: ${stdout}${stderr}`))));
  });
}
