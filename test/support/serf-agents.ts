/** Real Serf agents as processes, from Debian's package `serf`; for tests that put them and our nodes into one cluster. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { endOf, listenTo, until } from './mesh-process.ts';

/** Undefined when agents can be run; else what is missing. */
export function whatSerfLacks(program = 'serf'): string | undefined {
  const { error, status } = spawnSync(program, ['version'], { stdio: 'ignore' });
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
  complaints(): string[];
  /** A `serf` command that asks it; its standard output. Fails when the command does. */
  serf(...args: string[]): Promise<string>;
  /** A `serf` command that goes on. */
  follow(...args: string[]): ChildProcess;
  members(): Promise<Readonly<Record<string, SerfMember>>>;
  /** Names of those that it holds alive. */
  alive(): Promise<string[]>;
  kill(signal: NodeJS.Signals): Promise<unknown>;
}

const GOSSIP_PORT = 17_946;
const RPC_PORT = 17_373;
/** A machine that runs other tests too takes its time. */
const PATIENCE_MS = 30_000;

const COMPLAINT = /\[(WARN|ERR)\] (memberlist|serf):/;
/**
 * Somebody did not answer in time, or answered when nobody waited any more; and who was suspected for it says that it is there.
 * An agent that leaves closes its sockets while it still wants to send.
 */
const ORDINARY = /use of closed network connection|Was able to connect to|Refuting a (suspect|dead) message|reply for non-running query|(Failed fallback (TCP )?ping|Push\/Pull with \S+ failed|failed to receive|Failed to send ack|Failed to push local state): .*(timeout|reset by peer|broken pipe)/;

/** What a program of theirs complains of in its log, but for what is between it and its own clients, and for what belongs to leaving and to a busy machine. */
export function complaintsIn(log: string): string[] {
  return log.split('\n').filter((line) => COMPLAINT.test(line) && !ORDINARY.test(line)).map((line) => line.trim());
}

export class SerfAgents {
  readonly #children = new Set<ChildProcess>();
  readonly #program: string;

  /** @param program another release than the one that is installed */
  constructor(program = 'serf') {
    this.#program = program;
  }

  /** @param ip of its own */
  async start(name: string, ip: string, flags: readonly string[]): Promise<SerfAgent> {
    const rpc = `-rpc-addr=${ip}:${RPC_PORT}`;
    const gossip = `${ip}:${GOSSIP_PORT}`;
    const child = this.#spawn('agent', `-node=${name}`, `-bind=${gossip}`, rpc, '-profile=local', '-log-level=info', ...flags);
    const said = listenTo(child);
    const log = (): string => said.stdout() + said.stderr();
    const serf = (command: string, ...args: string[]): Promise<string> => this.#run(command, rpc, ...args);
    const members = async (): Promise<Readonly<Record<string, SerfMember>>> => {
      const answer = JSON.parse(await serf('members', '-format=json')) as { members: SerfMember[] };
      return Object.fromEntries(answer.members.map((member) => [member.name, member]));
    };
    await until(`the agent ${name}`, PATIENCE_MS, async () => (await serf('members')) && true).catch((error: Error) => {
      throw new Error(`${error.message}\n${log()}`);
    });
    return {
      name,
      gossip,
      process: child,
      log,
      complaints: () => complaintsIn(log()).map((line) => `${name}: ${line}`),
      serf: (command = '', ...args) => serf(command, ...args),
      follow: (command = '', ...args) => this.#spawn(command, rpc, ...args),
      members,
      alive: async () => Object.values(await members()).filter(({ status }) => status === 'alive').map((member) => member.name),
      kill: (signal) => endOf(child, () => child.kill(signal)),
    };
  }

  /** Kills all that run. */
  async clear(): Promise<void> {
    await Promise.all([...this.#children].map((child) => endOf(child, () => child.kill('SIGKILL'))));
    this.#children.clear();
  }

  #spawn(...args: string[]): ChildProcess {
    const child = spawn(this.#program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.add(child);
    return child;
  }

  #run(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(this.#program, args, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(`serf ${args.join(' ')}: ${stdout}${stderr}`))));
    });
  }
}
