/**
 * When an identity is renewed, and when people are told that it was not. Pure; times are those of the wall clock, which is what
 * certificates are about.
 *
 * 1. At half its life, give or take: the nodes of a mesh that was started at once do not ask at once.
 * 2. What fails is tried again for ever, also after it has expired: whoever renews may be back at any moment.
 * 3. On demand at once, but never in a row; where all are to renew, each at its own moment within some seconds.
 * 4. It is warned when a quarter of its life is left, a tenth, and when it has expired; once each.
 */
import type { LogFields, LogLevel } from '../log.ts';
import type { Random } from '../random.ts';
import { BACKDATE_MS } from './authority.ts';

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type RenewalInput =
  /** There is a new one, and this is its time. */
  | { readonly kind: 'has'; readonly validity: Validity }
  | { readonly kind: 'tick' }
  | { readonly kind: 'failed'; readonly reason: string; readonly todo: string | undefined }
  /** Somebody no longer takes this one. */
  | { readonly kind: 'renew' }
  /** Nobody will take this one for much longer. May be said as often as one likes. */
  | { readonly kind: 'renew-soon' };

export type RenewalEffect =
  /** The outcome must come back as `has` or `failed`. */
  | { readonly kind: 'renew' }
  /** Must come back as `tick`; takes the place of the one before. */
  | { readonly kind: 'set-timer'; readonly delayMs: number }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

/** Shares of its life, around a half. */
const RENEW_AT = { from: 0.45, to: 0.55 } as const;
/** Shares of its life that are left when people are told. */
const WARN_AT = [0.25, 0.1, 0] as const;
/** The wall clock may be set, and a laptop sleeps: what is due is looked at this often. */
const LOOK_MS = 30_000;
/** A thousand nodes that renew within this time keep one authority half busy; of shorter lives this share. */
const SOON = { withinMs: 20_000, share: 1 / 10 } as const;
/** Certificates count in seconds: one that is as old as what it is to outlive is no help. */
const AGAIN_AFTER_MS = 2_000;
const RETRY = { baseMs: 1_000, maxMs: 60_000, jitter: 0.3 } as const;
/** 2 ** 6 s are a minute. */
const DOUBLINGS_MAX = 6;
/** Of a life of a minute there is no minute to wait. */
const RETRY_SHARE_MAX = 1 / 20;

export class Renewal {
  readonly #random: Random;
  #validity: Validity;
  #dueAtMs: number;
  #sinceMs = -Infinity;
  #isRenewing = false;
  #isHurried = false;
  #failures = 0;
  #warnings = 0;

  constructor(validity: Validity, random: Random) {
    this.#random = random;
    this.#validity = validity;
    this.#dueAtMs = this.#halfLife();
  }

  get state(): { readonly notAfterMs: number; readonly dueAtMs: number; readonly failures: number; readonly isRenewing: boolean } {
    return { notAfterMs: this.#validity.notAfterMs, dueAtMs: Math.round(this.#dueAtMs), failures: this.#failures, isRenewing: this.#isRenewing };
  }

  handle(input: RenewalInput, nowMs: number): readonly RenewalEffect[] {
    switch (input.kind) {
      case 'has':
        return this.#has(input, nowMs);
      case 'failed':
        return this.#failed(input, nowMs);
      case 'renew':
        // What fails is tried at its own pace, however many there are that refuse this identity.
        if (this.#failures === 0) this.#dueAtMs = Math.min(this.#dueAtMs, Math.max(nowMs, this.#sinceMs + AGAIN_AFTER_MS));
        return this.#look(nowMs);
      case 'renew-soon':
        if (!this.#isHurried) this.#dueAtMs = Math.min(this.#dueAtMs, nowMs + Math.min(SOON.withinMs, this.#lifeMs * SOON.share) * this.#random.next());
        this.#isHurried = true;
        return this.#look(nowMs);
      case 'tick':
        return this.#look(nowMs);
    }
  }

  #has({ validity }: Extract<RenewalInput, { kind: 'has' }>, nowMs: number): readonly RenewalEffect[] {
    const hadWarned = this.#warnings > 0;
    this.#validity = validity;
    this.#sinceMs = nowMs;
    this.#dueAtMs = this.#halfLife();
    this.#isRenewing = false;
    this.#isHurried = false;
    this.#failures = 0;
    this.#warnings = 0;
    const fields = { notAfter: new Date(validity.notAfterMs).toISOString() };
    return [log(hadWarned ? 'warn' : 'info', 'identity-renewed', fields), ...this.#look(nowMs)];
  }

  #failed({ reason, todo }: Extract<RenewalInput, { kind: 'failed' }>, nowMs: number): readonly RenewalEffect[] {
    this.#isRenewing = false;
    const maxMs = Math.max(RETRY.baseMs, Math.min(RETRY.maxMs, this.#lifeMs * RETRY_SHARE_MAX));
    const plainMs = Math.min(maxMs, RETRY.baseMs * 2 ** Math.min(this.#failures++, DOUBLINGS_MAX));
    const retryMs = plainMs * (1 + RETRY.jitter * (2 * this.#random.next() - 1));
    this.#dueAtMs = nowMs + retryMs;
    return [log('warn', 'identity-not-renewed', { reason, ...(todo === undefined ? {} : { todo }), retryMs: Math.round(retryMs) }), ...this.#look(nowMs)];
  }

  #look(nowMs: number): readonly RenewalEffect[] {
    const effects: RenewalEffect[] = [...this.#warn(nowMs)];
    if (!this.#isRenewing && nowMs >= this.#dueAtMs) {
      this.#isRenewing = true;
      effects.push({ kind: 'renew' });
    }
    const warnAt = this.#warnAtMs();
    const next = Math.min(this.#isRenewing ? Infinity : this.#dueAtMs, warnAt ?? Infinity, nowMs + LOOK_MS);
    return [...effects, { kind: 'set-timer', delayMs: Math.max(1, next - nowMs) }];
  }

  #warn(nowMs: number): readonly RenewalEffect[] {
    const before = this.#warnings;
    while ((this.#warnAtMs() ?? Infinity) <= nowMs) this.#warnings++;
    if (this.#warnings === before) return [];
    const leftMs = this.#validity.notAfterMs - nowMs;
    const fields = { notAfter: new Date(this.#validity.notAfterMs).toISOString(), failures: this.#failures };
    if (leftMs > 0) return [log('warn', 'identity-expires-soon', { leftMs, ...fields })];
    return [log('error', 'identity-expired', { ...fields, todo: 'nobody takes it any more: see why it was not renewed, above; a new token and `mesh join` give another' })];
  }

  #warnAtMs(): number | undefined {
    const share = WARN_AT[this.#warnings];
    return share === undefined ? undefined : this.#validity.notAfterMs - share * this.#lifeMs;
  }

  /** From when it was issued: authorities date back, ours by a minute. Of one that does so by less a part is left all the same. */
  get #lifeMs(): number {
    const wholeMs = this.#validity.notAfterMs - this.#validity.notBeforeMs;
    return Math.max(wholeMs - BACKDATE_MS, wholeMs / 8);
  }

  #halfLife(): number {
    const share = RENEW_AT.from + (RENEW_AT.to - RENEW_AT.from) * this.#random.next();
    return this.#validity.notAfterMs - this.#lifeMs * (1 - share);
  }
}

function log(level: LogLevel, event: string, fields: LogFields): RenewalEffect {
  return { kind: 'log', level, event, fields };
}
