/**
 * A member of a known name that says it is at another address. A name has one owner, and others keep to whom they knew
 * first; but a container that restarts has a new address, and its old one is still listed as alive. So, when the claim has
 * the higher incarnation, whoever is at the old address is asked by name, on both ways: only when nobody answers for the
 * name there, on either, has the member moved. Two that live are told apart by this: the first one answers.
 */
import type { Member } from './member-table.ts';
import type { SwimContext } from './swim-context.ts';
import { addressKey } from './wire/ip-address.ts';
import { encodeMessage, type Alive, type Ping } from './wire/messages.ts';
import type { StreamMessage } from './wire/stream.ts';
import type { DropReason } from './wire/wire-fault.ts';

/** A rack that restarts; more come again by themselves, for who is not listed says so again and again. */
const QUESTIONS_MAX = 64;
/** So that forged claims bring a member a ping now and then, not a flood. */
const QUIET_PROBE_INTERVALS = 2;

type Claim = Omit<Alive, 'type'>;

interface Question {
  readonly claim: Claim;
  readonly seqNo: number;
  readonly askedAtMs: number;
  /** Where the member was when it was asked. */
  readonly oldAddress: string;
  /** Ways on which an answer may still come. */
  ways: number;
}

export class Relocation {
  readonly #context: SwimContext;
  /** By name; kept for a while when there was an answer, so that it is not asked for at once again. */
  readonly #questions = new Map<string, Question>();

  constructor(context: SwimContext) {
    this.#context = context;
  }

  /** Asks for the member where it is known to be. @returns false when it has just answered there, or too many are asked for */
  ask(known: Member, claim: Claim): boolean {
    const { now, profile, self } = this.#context;
    const quietMs = QUIET_PROBE_INTERVALS * profile.probeIntervalMs;
    for (const [name, { askedAtMs, ways }] of this.#questions) if (ways <= 0 && now - askedAtMs >= quietMs) this.#questions.delete(name);
    const before = this.#questions.get(known.name);
    if (before !== undefined) return before.ways >= 0;
    if (this.#questions.size >= QUESTIONS_MAX) return false;
    const seqNo = this.#context.nextSeqNo();
    // Copied, for the original is a window on a whole packet or stream.
    const copy: Claim = { ...claim, addr: claim.addr.slice(), meta: claim.meta.slice(), vsn: claim.vsn.slice() };
    this.#questions.set(known.name, { claim: copy, seqNo, askedAtMs: now, oldAddress: addressKey(known.address), ways: 2 });
    const { name: sourceNode, addr: sourceAddr, address: { port: sourcePort } } = self;
    const ping: Ping = { type: 'ping', seqNo, node: known.name, sourceAddr, sourcePort, sourceNode };
    this.#context.send(known.address, ping);
    this.#context.schedule(profile.probeTimeoutMs, { kind: 'relocation-due', member: known.name, seqNo });
    this.#context.request(known.address, encodeMessage(ping), profile.probeIntervalMs, { kind: 'relocation', member: known.name, seqNo });
    return true;
  }

  /** @returns whether it was an answer to a question of this */
  onAck(seqNo: number): boolean {
    for (const question of this.#questions.values()) {
      if (question.seqNo !== seqNo) continue;
      question.ways = -Infinity;
      return true;
    }
    return false;
  }

  /** @returns the claim that turns out to be true */
  onStreamAnswer(member: string, seqNo: number, answer: StreamMessage | DropReason | undefined): Claim | undefined {
    if (typeof answer === 'object' && answer.type === 'ack') this.onAck(seqNo);
    return this.onDue(member, seqNo);
  }

  /** Nothing came, or comes any more, on one of the ways. @returns the claim that turns out to be true */
  onDue(member: string, seqNo: number): Claim | undefined {
    const question = this.#questions.get(member);
    if (question?.seqNo !== seqNo) return undefined;
    question.ways--;
    if (question.ways !== 0) return undefined;
    const known = this.#context.table.get(member);
    // Meanwhile it may have moved already, or have said something newer.
    if (known === undefined || addressKey(known.address) !== question.oldAddress || question.claim.incarnation <= known.incarnation) return undefined;
    return question.claim;
  }
}
