/** Agents that others wrote: Debian's serf, and a small program on Debian's memberlist. Each in a process, ended with the test. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GOPATH, buildGoProgram } from '../support/go-program.ts';
import { endOf, listenTo, until } from '../support/mesh-process.ts';

const PEER_SOURCE = new URL('memberlist-peer/main.go', import.meta.url).pathname;
/** Each process of tests has a network of its own on loopback, so that two runs do not meet. */
const NETWORK = `127.${64 + ((process.pid >> 8) % 128)}.${process.pid % 256}`;
export const GOSSIP_PORT = '17946';
/** A machine that runs other tests too takes its time. */
const PATIENCE_MS = 20_000;

interface SerfMember {
  readonly name: string;
  readonly addr: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What has to be installed for these tests; undefined when all is there. */
export function missing(...tools: readonly ('serf' | 'go')[]): string | undefined {
  const absent = tools.filter((tool) => !isThere(tool));
  return absent.length === 0 ? undefined : `not installed: ${absent.map((tool) => (tool === 'go' ? 'golang-go, golang-github-hashicorp-memberlist-dev' : tool)).join(', ')}`;
}

function isThere(tool: 'serf' | 'go'): boolean {
  return spawnSync(tool, ['version']).status === 0 && (tool !== 'go' || existsSync(join(GOPATH, 'src/github.com/hashicorp/memberlist')));
}

export class RealAgents {
  readonly folder = mkdtempSync(join(tmpdir(), 'agents-'));
  readonly #children = new Set<ChildProcess>();
  #hosts = 1;
  #peer: string | undefined;

  /** An address that nobody else has. */
  host(): string {
    return `${NETWORK}.${this.#hosts++}`;
  }

  async serf(name: string, flags: readonly string[] = []): Promise<SerfAgent> {
    const host = this.host();
    const child = this.#start('serf', ['agent', `-node=${name}`, `-bind=${host}:${GOSSIP_PORT}`, `-rpc-addr=${host}:17373`, '-profile=local', '-log-level=debug', ...flags]);
    const said = listenTo(child);
    const agent: SerfAgent = {
      name,
      address: `${host}:${GOSSIP_PORT}`,
      process: child,
      log: () => said.stdout() + said.stderr(),
      members() {
        const { stdout } = spawnSync('serf', ['members', `-rpc-addr=${host}:17373`, '-format=json'], { encoding: 'utf8' });
        return (JSON.parse(stdout) as { members: SerfMember[] }).members;
      },
    };
    await until(`${name} runs`, PATIENCE_MS, () => agent.members().length > 0 || undefined);
    return agent;
  }

  /** The small program, built once. */
  memberlist(name: string, flags: readonly string[] = []): MemberlistPeer {
    const host = this.host();
    const child = this.#start(this.#program(), ['-name', name, '-bind', host, '-port', GOSSIP_PORT, ...flags]);
    const said = listenTo(child);
    return {
      address: `${host}:${GOSSIP_PORT}`,
      log: said.stderr,
      alive: () => /.*ALIVE (.*)\n/s.exec(said.stdout())?.[1]?.split(',') ?? [],
      leave: () => endOf(child, () => child.stdin!.end('\n')),
    };
  }

  /** Each as Go compresses it. */
  lzw(inputs: readonly Uint8Array[]): Buffer[] {
    const lines = inputs.map((bytes) => `${Buffer.from(bytes).toString('hex')}\n`).join('');
    const answer = execFileSync(this.#program(), ['-lzw'], { input: lines, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    return answer.trimEnd().split('\n').map((line) => Buffer.from(line, 'hex'));
  }

  /** Kills all that run. */
  async end(): Promise<void> {
    await Promise.all([...this.#children].map((child) => endOf(child, () => child.kill('SIGKILL'))));
    this.#children.clear();
  }

  async clear(): Promise<void> {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #program(): string {
    this.#peer ??= buildGoProgram(PEER_SOURCE, 'memberlist-peer', this.folder);
    return this.#peer;
  }

  #start(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { stdio: 'pipe' });
    this.#children.add(child);
    return child;
  }
}

interface SerfAgent {
  readonly name: string;
  readonly address: string;
  readonly process: ChildProcess;
  log(): string;
  members(): SerfMember[];
}

interface MemberlistPeer {
  readonly address: string;
  log(): string;
  /** Names of those that are alive, as it last said. */
  alive(): readonly string[];
  leave(): Promise<number | null>;
}
