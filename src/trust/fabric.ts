/** A Trust Fabric: an authority that answers those who prove who they are. One exchange at a time; the wire is the transport's. */
import { randomBytes, type X509Certificate } from 'node:crypto';
import { MeshError } from '../errors.ts';
import { ttlOf } from './admin-role.ts';
import { checkProof, NONCE_BYTES, signChallenge, type AttestMethod, type Begin } from './attestation.ts';
import { attestAgain } from './attest-again.ts';
import { attestorsOf, type Attested, type Attestor, type Evidence } from './attestors.ts';
import { BACKDATE_MS, issueSvid, requestedKey, type Authority } from './authority.ts';
import type { AuthorityStore } from './authority-files.ts';
import { issuerOf } from './authority-set.ts';
import type { BanEntry } from './ban-entry.ts';
import type { BanGate } from './ban-gate.ts';
import type { Bundle } from './bundle.ts';
import type { Ring } from './gossip-ring.ts';
import type { HeldBundle } from './signed-bundle.ts';
import type { SpiffeId } from './spiffe-id.ts';
import { minutes } from './svid.ts';
import { tokenName } from './token.ts';

export interface FabricOptions {
  readonly authorities: Pick<AuthorityStore, 'dir' | 'current'>;
  /** What is believed here. */
  readonly bundle: () => HeldBundle;
  /** The ban list as it is here. @throws MeshError */
  readonly bans: () => Promise<readonly BanEntry[]>;
  readonly ttlMs: number;
  /** What nodes are told beside their identity. */
  readonly welcome: () => Welcome;
  /** Who is kept out gets no identity, whatever it proves. */
  readonly gate: Pick<BanGate, 'fault' | 'evictedAtMs'>;
  /** Hears of everyone who was attested, and of everyone who was not. */
  readonly note: (outcome: AttestOutcome) => void;
  readonly wallNow: () => number;
}

export interface Welcome {
  /** Those that gossip is encrypted with, the first one first; none where it is not. */
  readonly gossipKeys: readonly Uint8Array[];
  /** Those of the trust domain, where it has some; then there are no others. */
  readonly gossipRing: Ring;
  /** Gossip addresses of nodes to join. */
  readonly gossipSeeds: readonly string[];
}

export interface AttestOutcome {
  readonly method: string;
  readonly remote: string;
  readonly id: SpiffeId | undefined;
  readonly serial: string | undefined;
  readonly fault: MeshError | undefined;
}

export interface AttestBegin extends Omit<Begin, 'method'> {
  /** As it was sent. */
  readonly method: string;
  /** The time there. */
  readonly atMs: number;
}

export interface Challenge {
  readonly nonce: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Proof extends Omit<Evidence, 'request'> {
  readonly signature: Uint8Array;
}

export interface Issued extends Welcome {
  readonly certificates: readonly X509Certificate[];
  readonly bundle: Bundle;
}

/** Gossip is for nodes. */
const NO_WELCOME: Welcome = { gossipKeys: [], gossipRing: [], gossipSeeds: [] };
/** A request of P-256 has some 250 bytes. */
const REQUEST_BYTES_MAX = 4_096;

export class TrustFabric {
  readonly #options: FabricOptions;
  readonly #attestors: Readonly<Record<string, Attestor>>;

  constructor(options: FabricOptions) {
    this.#options = options;
    this.#attestors = attestorsOf(options.authorities.dir, () => options.bundle().bundle);
  }

  /** For members. */
  bans(): Promise<readonly BanEntry[]> {
    return this.#options.bans();
  }

  /** For anybody: it holds no secrets. */
  get bundle(): HeldBundle {
    return this.#options.bundle();
  }

  /** @param serverLeaf DER of the certificate that this connection was opened with */
  exchange(remote: string, serverLeaf: Uint8Array): Attestation {
    return new Attestation(this.#options, this.#attestors, remote, serverLeaf);
  }
}

export class Attestation {
  readonly #options: FabricOptions;
  readonly #attestors: Readonly<Record<string, Attestor>>;
  readonly #remote: string;
  readonly #serverLeaf: Uint8Array;
  readonly #challenge = randomBytes(NONCE_BYTES);
  #begin: Begin | undefined;

  constructor(options: FabricOptions, attestors: Readonly<Record<string, Attestor>>, remote: string, serverLeaf: Uint8Array) {
    this.#options = options;
    this.#attestors = attestors;
    this.#remote = remote;
    this.#serverLeaf = serverLeaf;
  }

  /** @throws MeshError BAD_ARGUMENT, MALFORMED, CLOCK_SKEW, REFUSED where the authority was replaced elsewhere */
  begin({ method, request, nonce, atMs }: AttestBegin): Challenge {
    return this.#noted(method, () => {
      if (!Object.hasOwn(this.#attestors, method)) {
        throw new MeshError('BAD_ARGUMENT', `nobody is attested here by "${method.slice(0, 64)}"`, { given: method.slice(0, 64), expected: Object.keys(this.#attestors).join(' or ') });
      }
      if (nonce.length !== NONCE_BYTES || request.length > REQUEST_BYTES_MAX) {
        throw new MeshError('MALFORMED', 'the begin of an attestation is malformed', { expected: `a nonce of ${NONCE_BYTES} bytes, a request of at most ${REQUEST_BYTES_MAX}` });
      }
      this.#checkClock(atMs);
      const begin = { method: method as AttestMethod, request, nonce };
      this.#begin = begin;
      return { nonce: this.#challenge, signature: signChallenge(this.#issuer().key, begin, this.#challenge, this.#serverLeaf) };
    });
  }

  /** @throws MeshError PROOF_WRONG, what the method throws, and why somebody is refused whatever it proves */
  async prove({ signature, secret, chain, workload }: Proof): Promise<Issued> {
    const begin = this.#begin;
    // Once: a second proof would be one more guess.
    this.#begin = undefined;
    let id: SpiffeId | undefined;
    try {
      if (begin === undefined) throw new MeshError('MALFORMED', 'a proof without a challenge', { expected: 'begin, challenge, proof' });
      const evidence = { request: begin.request, secret, chain, workload };
      const attestor = this.#attestors[begin.method]!;
      checkProof(await attestor.provingKey(evidence), begin, this.#challenge, this.#serverLeaf, signature);
      const nowMs = this.#options.wallNow();
      const attested = await attestor.attest(evidence, nowMs);
      id = attested.id;
      const { bundle, ttlMs, welcome } = this.#options;
      await this.#admit(attested, begin.request, nowMs);
      const certificate = await issueSvid(this.#issuer(), begin.request, { id, ...(attested.role === undefined ? {} : { role: attested.role }), ttlMs: ttlOf(id.kind, ttlMs) }, nowMs);
      this.#note(begin.method, id, certificate.serialNumber, undefined);
      return { certificates: [certificate], bundle: bundle().bundle, ...(id.kind === 'node' ? welcome() : NO_WELCOME) };
    } catch (error) {
      if (error instanceof MeshError) this.#note(begin?.method ?? '', id, undefined, error);
      throw error;
    }
  }

  async #admit({ id, by, notBeforeMs }: Attested, request: Uint8Array, nowMs: number): Promise<void> {
    const { gate, authorities } = this.#options;
    // Certificates tell whole seconds: one that is made in the second of an eviction would be one of before.
    const refusal = (by && gate.fault(by, notBeforeMs ?? nowMs)) ?? gate.fault(id, Math.floor(nowMs / 1_000) * 1_000 - BACKDATE_MS);
    if (refusal !== undefined) throw refusal;
    const evictedAtMs = by !== undefined || notBeforeMs === undefined ? undefined : gate.evictedAtMs(id, notBeforeMs);
    if (evictedAtMs !== undefined) attestAgain(authorities.dir, id, evictedAtMs, tokenName(await requestedKey(request)), nowMs);
  }

  #issuer(): Authority {
    const { authorities, bundle } = this.#options;
    return issuerOf(authorities.current(), bundle().claim);
  }

  /** A certificate begins where the clock here is: a member behind it by more could not use its own. */
  #checkClock(atMs: number): void {
    const nowMs = this.#options.wallNow();
    const aheadMs = atMs - nowMs;
    if (Math.abs(aheadMs) <= BACKDATE_MS) return;
    throw new MeshError('CLOCK_SKEW', `clock skew: your clock is ${minutes(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the Trust Fabric`, {
      given: Number.isFinite(atMs) && Math.abs(atMs) < 8.64e15 ? new Date(atMs).toISOString() : String(atMs),
      expected: `${new Date(nowMs).toISOString()}, give or take ${BACKDATE_MS / 1_000} s`,
      todo: 'set the clock, by NTP for instance, and try again',
    });
  }

  #noted<T>(method: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (error instanceof MeshError) this.#note(method.slice(0, 64), undefined, undefined, error);
      throw error;
    }
  }

  #note(method: string, id: SpiffeId | undefined, serial: string | undefined, fault: MeshError | undefined): void {
    this.#options.note({ method, remote: this.#remote, id, serial, fault });
  }
}
