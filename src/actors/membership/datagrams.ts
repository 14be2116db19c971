/**
 * Members to whom datagrams are lost while streams get through: a firewall, a router's table that is full. Such a member
 * lives, and would be found out as such in each round only after everything else has failed; and what is gossiped never
 * reaches it. So it is told apart from a bad moment by some datagrams more, each of which it would have answered; then it
 * is pinged and told on streams, and a datagram now and then finds out when that is over.
 */
import type { Member } from './member-table.ts';
import type { SwimContext } from './swim-context.ts';

/** Where every fifth datagram is lost, this many and their answers are lost by chance once in six hundred times. */
const TESTS = 6;
/** One may have slipped through. */
const PROOFS = 2;

interface Lost {
  /** Of the datagram on its way, if one is. */
  seqNo: number | undefined;
  proofs: number;
  /** What it was told of last: changes are numbered. */
  toldOf: number;
  toldAtMs: number;
}

export class Datagrams {
  readonly #context: SwimContext;
  /** Under suspicion, by name: the number of the test on its way, and how many there were. */
  readonly #trials = new Map<string, { readonly seqNo: number; readonly tests: number }>();
  /** By name. */
  readonly #lost = new Map<string, Lost>();

  constructor(context: SwimContext) {
    this.#context = context;
  }

  isLost(name: string): boolean {
    return this.#lost.has(name);
  }

  get lost(): string[] {
    return [...this.#lost.keys()];
  }

  /** It answered on a stream, and not to a datagram. */
  doubt(member: Member): void {
    if (!this.#trials.has(member.name) && !this.isLost(member.name)) this.#try(member, 1);
  }

  /** Whether they get through to it again; to be asked in each round with it. */
  test(member: Member): void {
    const lost = this.#lost.get(member.name);
    if (lost === undefined) return;
    // The one before was not answered.
    if (lost.seqNo !== undefined) lost.proofs = 0;
    lost.seqNo = this.#ping(member);
  }

  /** @returns whether it was the answer to a test of this */
  onAck(seqNo: number): boolean {
    for (const [name, trial] of this.#trials) {
      if (trial.seqNo === seqNo) return this.#trials.delete(name);
    }
    for (const [name, lost] of this.#lost) {
      if (lost.seqNo !== seqNo) continue;
      lost.seqNo = undefined;
      lost.proofs++;
      if (lost.proofs >= PROOFS) this.#end(name);
      return true;
    }
    return false;
  }

  onTestDue(name: string, seqNo: number): void {
    const trial = this.#trials.get(name);
    if (trial?.seqNo !== seqNo) return;
    this.#trials.delete(name);
    const member = this.#context.table.get(name);
    if (member === undefined || !isThere(member)) return;
    if (trial.tests < TESTS) return this.#try(member, trial.tests + 1);
    this.#lost.set(name, { seqNo: undefined, proofs: 0, toldOf: 0, toldAtMs: -Infinity });
    this.#context.notify({ type: 'udp-lost', reason: 'tcp-works', member: name, incarnation: member.incarnation });
  }

  /** Those that do not know of everything that was gossiped, each at most once in a probe interval; they are told now. */
  takeUntold(): Member[] {
    const { queue, now, profile, table } = this.#context;
    const untold: Member[] = [];
    for (const [name, lost] of this.#lost) {
      const member = table.get(name);
      if (member === undefined || !isThere(member)) {
        this.#lost.delete(name);
      } else if (lost.toldOf < queue.changes && now - lost.toldAtMs >= profile.probeIntervalMs && untold.length < profile.gossipNodes) {
        lost.toldOf = queue.changes;
        lost.toldAtMs = now;
        untold.push(member);
      }
    }
    return untold;
  }

  #try(member: Member, tests: number): void {
    const seqNo = this.#ping(member);
    this.#trials.set(member.name, { seqNo, tests });
    this.#context.schedule(this.#context.profile.probeTimeoutMs, { kind: 'datagram-due', member: member.name, seqNo });
  }

  #ping({ name: node, address }: Member): number {
    const { name: sourceNode, addr: sourceAddr, address: { port: sourcePort } } = this.#context.self;
    const seqNo = this.#context.nextSeqNo();
    this.#context.send(address, { type: 'ping', seqNo, node, sourceAddr, sourcePort, sourceNode });
    return seqNo;
  }

  #end(name: string): void {
    this.#lost.delete(name);
    const incarnation = this.#context.table.get(name)?.incarnation;
    if (incarnation !== undefined) this.#context.notify({ type: 'udp-back', reason: 'answered', member: name, incarnation });
  }
}

function isThere({ status }: Member): boolean {
  return status === 'alive' || status === 'suspect';
}
