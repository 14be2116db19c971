/** Nodes of HashiCorp's memberlist as processes: a small program, built from the sources that Debian has. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GOPATH, buildGoProgram } from '../support/go-program.ts';
import { endOf, listenTo } from '../support/mesh-process.ts';
import { complaintsIn } from '../support/serf-agents.ts';

const SOURCE = new URL('memberlist-peer/main.go', import.meta.url).pathname;
const GOSSIP_PORT = '17946';

/** Undefined when the program can be built; else what is missing. */
export function whatMemberlistLacks(): string | undefined {
  const isThere = spawnSync('go', ['version']).status === 0 && existsSync(join(GOPATH, 'src/github.com/hashicorp/memberlist'));
  return isThere ? undefined : 'memberlist cannot be built: apt-get install golang-go golang-github-hashicorp-memberlist-dev';
}

interface MemberlistPeer {
  readonly gossip: string;
  complaints(): string[];
  /** Names of those that are alive, as it last said. */
  alive(): readonly string[];
  leave(): Promise<number | null>;
}

export class MemberlistPeers {
  readonly #gopath: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'memberlist-'));
  readonly #children = new Set<ChildProcess>();
  #program: string | undefined;

  /** @param otherSources of another release; what they need beside is that of this machine */
  constructor(otherSources?: string) {
    this.#gopath = otherSources === undefined ? GOPATH : `${otherSources}:${GOPATH}`;
  }

  /** @param ip of its own */
  start(name: string, ip: string, flags: readonly string[] = []): MemberlistPeer {
    const child = spawn(this.#built(), ['-name', name, '-bind', ip, '-port', GOSSIP_PORT, ...flags], { stdio: 'pipe' });
    this.#children.add(child);
    const said = listenTo(child);
    return {
      gossip: `${ip}:${GOSSIP_PORT}`,
      complaints: () => complaintsIn(said.stderr()),
      alive: () => /.*ALIVE (.*)\n/s.exec(said.stdout())?.[1]?.split(',') ?? [],
      leave: () => endOf(child, () => child.stdin.end('\n')),
    };
  }

  /** Each as Go compresses it. */
  lzw(inputs: readonly Uint8Array[]): Buffer[] {
    const lines = inputs.map((bytes) => `${Buffer.from(bytes).toString('hex')}\n`).join('');
    const answer = execFileSync(this.#built(), ['-lzw'], { input: lines, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    return answer.trimEnd().split('\n').map((line) => Buffer.from(line, 'hex'));
  }

  /** Kills all that run. */
  async clear(): Promise<void> {
    await Promise.all([...this.#children].map((child) => endOf(child, () => child.kill('SIGKILL'))));
    this.#children.clear();
  }

  /** For good. */
  async remove(): Promise<void> {
    await this.clear();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The first that needs it builds it. */
  #built(): string {
    this.#program ??= buildGoProgram(SOURCE, 'memberlist-peer', this.#folder, this.#gopath);
    return this.#program;
  }
}
