/**
 * The identity of a program beside this node: when it is issued, renewed and taken away, and what those hear who ask for it. Pure.
 *
 * 1. Who asks before there is one waits for it; when it cannot be had they hear why, and ask again by themselves.
 * 2. Once there is one it is renewed as a node's own is (`renewal.ts`), and served until it expires whoever is away.
 * 3. Who is kept out has none: its streams end. An evicted one gets another as soon as that can be told from the old one.
 * 4. It changes with the node's: whom to believe is told on, and a certificate of another authority than the node's is renewed.
 */
import type { X509Certificate } from 'node:crypto';
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import { backoffDelayMs, type Backoff } from '../../supervision/backoff.ts';
import { isSameBundle, type Bundle } from '../../trust/bundle.ts';
import type { Identity } from '../../trust/identity-source.ts';
import { Renewal, type RenewalEffect } from '../../trust/renewal.ts';

export type WorkloadInput =
  | { readonly kind: 'tick' }
  | { readonly kind: 'issued'; readonly identity: Identity }
  | { readonly kind: 'failed'; readonly fault: MeshError }
  /** Who is kept out has changed, or the node's identity. `refusal`: why this workload may not have what it has, or get what it lacks. */
  | { readonly kind: 'look'; readonly refusal: MeshError | undefined; readonly node: Identity };

export type WorkloadEffect =
  /** The outcome must come back as `issued` or `failed`. */
  | { readonly kind: 'issue' }
  | Extract<RenewalEffect, { kind: 'set-timer' | 'log' }>
  /** To everyone whose stream is open. */
  | { readonly kind: 'push'; readonly identity: Identity }
  | { readonly kind: 'end'; readonly fault: MeshError };

/** What somebody hears who asks now: an identity, why there is none, or nothing yet. */
export type Standing = { readonly identity: Identity } | { readonly fault: MeshError } | undefined;

/** Until there is a first one; later `renewal.ts` has its own. */
const RETRY: Backoff = { baseMs: 1_000, maxMs: 60_000, jitter: 0.3 };
/** Certificates tell whole seconds: one that is made in the second of an eviction could be one of before. */
const SECOND_MS = 1_100;

export class Workload {
  readonly #random: Random;
  #identity: Identity | undefined;
  #renewal: Renewal | undefined;
  #fault: MeshError | undefined;
  #isIssuing = false;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Why there is no identity, or no newer one. */
  get fault(): MeshError | undefined {
    return this.#fault;
  }

  standing(nowMs: number): Standing {
    if (this.#identity !== undefined && nowMs < this.#identity.svid.notAfterMs) return { identity: this.#identity };
    if (this.#identity !== undefined) return { fault: notNow(this.#fault?.message ?? 'it expired, and is being renewed') };
    return this.#fault && { fault: this.#fault };
  }

  handle(input: WorkloadInput, nowMs: number): readonly WorkloadEffect[] {
    switch (input.kind) {
      case 'tick':
        return this.#renewal === undefined ? this.#ask() : this.#renewing(this.#renewal.handle(input, nowMs));
      case 'issued':
        return this.#issued(input.identity, nowMs);
      case 'failed':
        return this.#failed(input.fault, nowMs);
      case 'look':
        return this.#look(input, nowMs);
    }
  }

  #ask(): readonly WorkloadEffect[] {
    if (this.#isIssuing) return [];
    this.#isIssuing = true;
    return [{ kind: 'issue' }];
  }

  #issued(identity: Identity, nowMs: number): readonly WorkloadEffect[] {
    this.#isIssuing = false;
    this.#fault = undefined;
    this.#failures = 0;
    this.#identity = identity;
    const effects: WorkloadEffect[] = [{ kind: 'push', identity }];
    if (this.#renewal !== undefined) return [...effects, ...this.#renewing(this.#renewal.handle({ kind: 'has', validity: identity.svid }, nowMs))];
    this.#renewal = new Renewal(identity.svid, this.#random);
    const fields = { serial: identity.svid.serial, notAfter: new Date(identity.svid.notAfterMs).toISOString() };
    return [...effects, { kind: 'log', level: 'info', event: 'workload-identity', fields }, ...this.#renewing(this.#renewal.handle({ kind: 'tick' }, nowMs))];
  }

  #failed(fault: MeshError, nowMs: number): readonly WorkloadEffect[] {
    this.#isIssuing = false;
    if (this.#renewal !== undefined && !isRefusal(fault)) {
      this.#fault = fault;
      return this.#renewing(this.#renewal.handle({ kind: 'failed', reason: fault.message, todo: fault.todo }, nowMs));
    }
    this.#forget();
    this.#fault = isRefusal(fault) ? fault : notNow(fault.message, fault.todo);
    const retryMs = backoffDelayMs(RETRY, this.#failures++, this.#random);
    const fields = { reason: fault.message, ...(fault.todo === undefined ? {} : { todo: fault.todo }), retryMs: Math.round(retryMs) };
    return [{ kind: 'end', fault: this.#fault }, { kind: 'log', level: 'warn', event: 'workload-without-identity', fields }, { kind: 'set-timer', delayMs: retryMs }];
  }

  #look({ refusal, node }: Extract<WorkloadInput, { kind: 'look' }>, nowMs: number): readonly WorkloadEffect[] {
    if (refusal !== undefined) {
      const had = this.#identity !== undefined;
      this.#forget();
      this.#fault = refusal;
      const end: WorkloadEffect = { kind: 'end', fault: refusal };
      return had ? [end, { kind: 'log', level: 'warn', event: 'workload-refused', fields: { reason: refusal.message } }, { kind: 'set-timer', delayMs: SECOND_MS }] : [end];
    }
    if (this.#identity === undefined || this.#renewal === undefined) return this.#fault !== undefined && isRefusal(this.#fault) ? this.#ask() : [];
    const effects: WorkloadEffect[] = [];
    if (!isSameBundle(this.#identity.bundle, node.bundle)) {
      this.#identity = { svid: this.#identity.svid, bundle: node.bundle };
      effects.push({ kind: 'push', identity: this.#identity });
    }
    const isOutdated = issuerOf(this.#identity, node.bundle) !== issuerOf(node, node.bundle);
    return isOutdated ? [...effects, ...this.#renewing(this.#renewal.handle({ kind: 'renew' }, nowMs))] : effects;
  }

  #forget(): void {
    this.#identity = undefined;
    this.#renewal = undefined;
  }

  #renewing(effects: readonly RenewalEffect[]): readonly WorkloadEffect[] {
    return effects.flatMap((effect) => (effect.kind === 'renew' ? this.#ask() : [effect]));
  }
}

/** Somebody said that it may not, and will say so again. */
function isRefusal({ code }: MeshError): boolean {
  return code === 'BANNED' || code === 'EVICTED' || code === 'NOT_PERMITTED';
}

/** Clients of the Workload API try again after this, and after nothing else but a refusal. */
function notNow(why: string, todo?: string): MeshError {
  return new MeshError('NODE_UNREACHABLE', `the identity cannot be had at the moment: ${why}`, todo === undefined ? {} : { todo });
}

/** Names the authority; undefined where it is none of these. */
function issuerOf({ svid }: Identity, { authorities }: Bundle): string | undefined {
  const last = svid.certificates.at(-1) as X509Certificate;
  return authorities.find((authority) => last.checkIssued(authority) && last.verify(authority.publicKey))?.fingerprint256;
}
