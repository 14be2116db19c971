/** A network of its own for each side: nobody else is in it, what goes through it is counted, and it can lose things. */
import { spawnSync } from 'node:child_process';

/** Of IPv4 and UDP, around what is said. */
const HEADER_BYTES = 28;

export class Network {
  /** What comes before a command that shall run in it. */
  readonly enter: readonly string[];
  readonly #name: string | undefined;

  /** @param name of the namespace; undefined for that of the machine */
  constructor(name: string | undefined) {
    this.#name = name;
    this.enter = name === undefined ? [] : ['ip', 'netns', 'exec', name];
  }

  /** @returns that of the machine where no other can be had */
  static make(name: string): Network {
    if (!run('ip', 'netns', 'add', name)) return new Network(undefined);
    const network = new Network(name);
    const isReady = run('ip', '-n', name, 'link', 'set', 'lo', 'up') && network.#nft('add table inet bench') && network.#nft('add counter inet bench sent')
      && network.#nft('add chain inet bench out { type filter hook output priority 0 ; }') && network.#nft('add rule inet bench out meta l4proto udp counter name sent')
      && network.#nft('add chain inet bench in { type filter hook input priority 0 ; }');
    if (isReady) return network;
    network.remove();
    return new Network(undefined);
  }

  get isOwn(): boolean {
    return this.#name !== undefined;
  }

  /** From now on a share of all packets, UDP and TCP, gets lost. */
  lose(percent: number): void {
    this.#nft(`add rule inet bench in numgen random mod 100 < ${percent} drop`);
  }

  loseNothing(): void {
    this.#nft('flush chain inet bench in');
  }

  /** What was said by UDP so far, without headers. */
  get udpBytes(): number {
    const [command, ...args] = [...this.enter, 'nft', 'list counter inet bench sent'];
    const said = spawnSync(command, args, { encoding: 'utf8' }).stdout;
    const [, packets = 'NaN', bytes = 'NaN'] = /packets (\d+) bytes (\d+)/.exec(said) ?? [];
    return Number(bytes) - Number(packets) * HEADER_BYTES;
  }

  remove(): void {
    if (this.#name !== undefined) run('ip', 'netns', 'del', this.#name);
  }

  #nft(rule: string): boolean {
    return run(...this.enter, 'nft', rule);
  }
}

function run(...[command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
