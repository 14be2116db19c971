/**
 * Whose word a claim is. A node signs what it says of itself with the key of its identity, in one tag more: the id of the key
 * and the signature. Which keys are whose is told from outside, by who has seen the certificates.
 *
 * 1. A claim with a false signature changes nothing, whoever sent it: what anybody could have made says nothing of its name.
 * 2. Of a member that is proved, and with which this node has a session, only what it signed counts. Without a session it may
 *    have started again, with a key that nobody knows yet: then what it says is taken, and waits for its proof.
 * 3. What is proved takes the place of what is not, whatever the incarnations and addresses.
 * 4. A node that signs a claim to another's name has proved that itself: it is put in quarantine. So is one whose own record turns
 *    out to be false, after time for the truth to come: others may have put the record there.
 * 5. Agents of Serf sign nothing. They are members, and nothing more.
 *
 * Accusations cannot be signed, for memberlist's messages have no room: they are refuted, as ever.
 */
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import { aliveOf } from './claims.ts';
import type { Member } from './member-table.ts';
import type { SwimContext } from './swim-context.ts';
import { VSN } from './version-vector.ts';
import type { Alive } from './wire/messages.ts';
import { MsgpackWriter } from './wire/msgpack.ts';
import { decodeTags, encodeTags, SIGNATURE_TAG, splitSignature, tagBytes, type Tags } from './wire/tags.ts';

/** How far a member's record is its own word. `pending`: signed with a key that is not known here yet. */
export type Proof = 'proved' | 'pending' | 'unsigned' | 'false';

/** With what this node signs. */
export interface ClaimSigner {
  /** Hex. */
  readonly keyId: string;
  /** 64 bytes. */
  readonly sign: (statement: Uint8Array) => Uint8Array;
}

interface PeerKey {
  readonly keyId: string;
  readonly verifies: (statement: Uint8Array, signature: Uint8Array) => boolean;
}

export interface KnownPeer {
  readonly name: string;
  /** Whether this node has a session with it now, in which it has proved to be there. */
  readonly isOpen: boolean;
  readonly keys: readonly PeerKey[];
}

/** `signer`: whose key made the signature, if that is known and not the member itself. */
type Judgement = { readonly kind: Exclude<Proof, 'false'> } | { readonly kind: 'false'; readonly signer: string | undefined };

type Claim = Pick<Alive, 'node' | 'incarnation' | 'vsn' | 'meta'>;

interface Quarantine {
  /** Whose name it claimed; undefined when its own record is false. */
  readonly claimed: string | undefined;
  readonly untilMs: number;
}

const KEY_ID_BYTES = 8;
/** Each takes a tenth of a millisecond. A mesh has some for each node in half an hour; more is a flood, and what is not looked into is not taken. */
const JUDGED_PER_S = 500;
/** For the truth about a member whose record is false: other members have it, and one exchange with any of them brings it. */
const DOUBT_MS = 30_000;
/** Meanwhile somebody is asked as often. */
const ASK_EVERY_MS = 5_000;
/** After its last claim to another's name. A ban is for people to decide. */
const QUARANTINE_MS = 10 * 60_000;
/** Who sends false claims does so again and again: one event for each name and minute says enough. */
const QUIET_MS = 60_000;
/** And so many for all names, which anybody can make up. */
const TOLD_MAX = 64;

export class ClaimProofs {
  readonly #context: SwimContext;
  #signer: ClaimSigner | undefined;
  #peers: ReadonlyMap<string, KnownPeer> = new Map();
  #keys: ReadonlyMap<string, PeerKey & { readonly name: string }> = new Map();
  readonly #quarantined = new Map<string, Quarantine>();
  readonly #doubtedAtMs = new Map<string, number>();
  readonly #toldAtMs = new Map<string, number>();
  #judged = 0;
  #judgedSinceMs = 0;
  #askedAtMs = -Infinity;
  /** Members of which something unproved was not taken since their session stands. */
  readonly #heldBack = new Set<string>();

  constructor(context: SwimContext) {
    this.#context = context;
  }

  /** Whether this node has an identity, and so looks for those of others. */
  get isOn(): boolean {
    return this.#signer !== undefined;
  }

  /** All that is known of identities, in place of what was before. @returns whether this node signs with another key now */
  learn(signer: ClaimSigner, peers: readonly KnownPeer[]): boolean {
    const isNew = this.#signer?.keyId !== signer.keyId;
    this.#signer = signer;
    this.#peers = new Map(peers.map((peer) => [peer.name, peer]));
    this.#keys = new Map(peers.flatMap(({ name, keys }) => keys.map((key) => [key.keyId, { ...key, name }])));
    for (const member of this.#context.table.all()) if (member.name !== this.#context.name && member.proof !== 'false') this.#lookAgain(member);
    this.#release();
    return isNew;
  }

  /** This node's own record as it announces it. */
  signed(self: Member): Member {
    if (this.#signer === undefined) return self;
    const { keyId, sign } = this.#signer;
    const { [SIGNATURE_TAG]: _reserved, ...tags } = self.tags;
    const signature = sign(statementOf({ ...self, node: self.name }, self.address, tags));
    const tag = Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64url');
    return { ...self, tags, meta: encodeTags({ ...tags, [SIGNATURE_TAG]: tag }), proof: 'proved', saidIncarnation: self.incarnation };
  }

  judge(claim: Claim, address: GossipAddress): Judgement {
    if (this.#signer === undefined) return UNSIGNED;
    const { tags, signature } = splitSignature(decodeTags(claim.meta));
    if (signature === undefined) return UNSIGNED;
    const bytes = Buffer.from(signature, 'base64url');
    const key = this.#keys.get(keyIdOf(bytes));
    if (key === undefined) return PENDING;
    if (!this.#hasTime()) {
      this.#context.drop('proof-unread');
      return PENDING;
    }
    const isTrue = key.verifies(statementOf(claim, address, tags), bytes.subarray(KEY_ID_BYTES));
    if (isTrue && key.name === claim.node) return PROVED;
    return { kind: 'false', signer: isTrue ? key.name : undefined };
  }

  /** Whether anybody is to be asked now how things are. */
  takeDoubt(): boolean {
    const { now } = this.#context;
    if (this.#doubtedAtMs.size === 0 || now - this.#askedAtMs < ASK_EVERY_MS) return false;
    this.#askedAtMs = now;
    return true;
  }

  /** Not taken, for there is a session with the member, which did not sign it. */
  holdBack(known: Member): void {
    this.#context.drop('unproved-claim');
    this.#heldBack.add(known.name);
  }

  /** Of whom something was not taken, and whose session has ended since: it may have been a new life of theirs. */
  takeHeldBack(): Member[] {
    const { table } = this.#context;
    const ended = [...this.#heldBack].filter((name) => !this.isProtected(table.get(name)));
    for (const name of ended) this.#heldBack.delete(name);
    return ended.flatMap((name) => table.get(name) ?? []);
  }

  /** Whether only what this member signed counts about it. */
  isProtected(known: Member | undefined): known is Member {
    return known?.proof === 'proved' && this.#peers.get(known.name)?.isOpen === true;
  }

  /** Whether what this member says of others counts for nothing. */
  isQuarantined(name: string): boolean {
    return this.#quarantined.has(name);
  }

  /** For people. */
  quarantineOf(name: string): string | undefined {
    const held = this.#quarantined.get(name);
    if (held === undefined) return undefined;
    return held.claimed === undefined ? 'what it says of itself is not signed with its key' : `it claims to be ${held.claimed}`;
  }

  /** A false claim came. */
  refuse({ node, incarnation }: Pick<Claim, 'node' | 'incarnation'>, address: GossipAddress, signer: string | undefined): void {
    this.#context.drop('false-claim');
    if (signer !== undefined) this.#quarantine(signer, node);
    const { now } = this.#context;
    const what = `${node} ${signer ?? ''}`;
    for (const [told, atMs] of this.#toldAtMs) if (now - atMs >= QUIET_MS) this.#toldAtMs.delete(told);
    if (this.#toldAtMs.has(what) || this.#toldAtMs.size >= TOLD_MAX) return;
    this.#toldAtMs.set(what, now);
    const claim = { type: 'false-claim', member: node, incarnation, address } as const;
    this.#context.notify(signer === undefined ? { ...claim, reason: 'bad-signature' } : { ...claim, reason: 'signed-by-another', accuser: signer });
  }

  /** The member's record is its own word now. */
  proved(member: Member): void {
    this.#doubtedAtMs.delete(member.name);
    // Of who claimed another's name this says nothing.
    if (this.#quarantined.get(member.name)?.claimed === undefined) this.#letGo(member.name);
  }

  /** A record, when other keys may be known. */
  #lookAgain(member: Member): void {
    const { table, now, name: self } = this.#context;
    if (member.proof === 'proved') {
      // Its certificate has expired, or its authority is not believed any more.
      if (!this.#keys.has(keyIdIn(member))) table.set({ ...member, proof: 'pending' });
      return;
    }
    const { name: node, saidIncarnation: incarnation, address } = member;
    const judged = this.judge({ ...member, node, incarnation }, address);
    if (judged.kind !== 'false') {
      if (judged.kind === member.proof) return;
      table.set({ ...member, proof: judged.kind });
      if (judged.kind === 'proved') {
        this.proved(member);
        this.#context.notify({ type: 'verified', reason: 'signature', member: node, incarnation });
      }
      return;
    }
    const since = this.#doubtedAtMs.get(node);
    if (since === undefined) {
      this.#doubtedAtMs.set(node, now);
      // If it is there, it sees what is said of it and says what is so.
      if (!this.#context.isLeaving && node !== self) this.#context.send(address, aliveOf(member));
    }
    if (judged.signer === undefined && now - (since ?? now) < DOUBT_MS) return;
    table.set({ ...member, proof: 'false' });
    this.#doubtedAtMs.delete(node);
    if (judged.signer !== undefined) this.refuse({ node, incarnation }, address, judged.signer);
    this.#quarantine(node, undefined);
  }

  #quarantine(name: string, claimed: string | undefined): void {
    const { table, now, name: self } = this.#context;
    if (name === self) return;
    const isNew = !this.#quarantined.has(name);
    this.#quarantined.set(name, { claimed, untilMs: claimed === undefined ? Infinity : now + QUARANTINE_MS });
    const incarnation = table.get(name)?.incarnation ?? 0;
    if (isNew) this.#context.notify(claimed === undefined ? { type: 'quarantined', reason: 'false-record', member: name, incarnation } : { type: 'quarantined', reason: 'claimed-another', member: name, incarnation, claimed });
  }

  #release(): void {
    const { table, now } = this.#context;
    for (const [name, { untilMs, claimed }] of this.#quarantined) {
      const isOver = claimed === undefined ? table.get(name)?.proof !== 'false' : now >= untilMs;
      if (isOver) this.#letGo(name);
    }
    for (const name of this.#doubtedAtMs.keys()) if (table.get(name) === undefined) this.#doubtedAtMs.delete(name);
  }

  #letGo(name: string): void {
    if (!this.#quarantined.delete(name)) return;
    this.#context.notify({ type: 'released', reason: 'well-behaved', member: name, incarnation: this.#context.table.get(name)?.incarnation ?? 0 });
  }

  #hasTime(): boolean {
    const { now } = this.#context;
    if (now - this.#judgedSinceMs >= 1_000) [this.#judged, this.#judgedSinceMs] = [0, now];
    return this.#judged++ < JUDGED_PER_S;
  }
}

function keyIdOf(signature: Buffer): string {
  return signature.toString('hex', 0, KEY_ID_BYTES);
}

/** Of the key that the member's record is signed with. */
function keyIdIn({ meta }: Member): string {
  return keyIdOf(Buffer.from(splitSignature(decodeTags(meta)).signature ?? '', 'base64url'));
}

const UNSIGNED: Judgement = { kind: 'unsigned' };
const PENDING: Judgement = { kind: 'pending' };
const PROVED: Judgement = { kind: 'proved' };

/**
 * All that a member says of itself, each field with its length: name, host as text, port, incarnation, versions, and the tags
 * as they are encoded without the signature. So whoever changes or repeats any of it elsewhere has no signature for that.
 */
function statementOf({ node, incarnation, vsn }: Omit<Claim, 'meta'>, { host, port }: GossipAddress, tags: Tags): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeText(node);
  writer.writeText(host);
  writer.writeUint(port);
  writer.writeUint(incarnation);
  writer.writeRaw(vsn.subarray(0, VSN.length));
  writer.writeRaw(tagBytes(tags));
  return writer.bytes();
}
