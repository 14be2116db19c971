/** An identity and whom its holder believes, for people and scripts. Pure. */
import { keyPin } from '../trust/bundle.ts';
import type { Identity } from '../trust/identity-source.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { validity } from '../trust/svid.ts';
import { formatDuration } from './format-duration.ts';
import type { Paint } from './paint.ts';
import { moment } from './views.ts';

export interface TrustView {
  readonly id: string;
  readonly trustDomain: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** What is believed: SHA-256 of each authority's public key, base64url. */
  readonly authorities: readonly { readonly pin: string; readonly notAfter: string }[];
  /** Where the authority is kept that issues this identity; null when it is elsewhere. */
  readonly authorityDir: string | null;
}

export function trustView({ svid, bundle }: Identity, { authorityDir, isAuthorityHere }: { readonly authorityDir: string; readonly isAuthorityHere: boolean }): TrustView {
  return {
    id: formatSpiffeId(svid.id),
    trustDomain: bundle.trustDomain,
    serial: svid.serial,
    notBefore: moment(svid.notBeforeMs),
    notAfter: moment(svid.notAfterMs),
    authorities: bundle.authorities.map((authority) => ({ pin: keyPin(authority), notAfter: moment(validity(authority).notAfterMs) })),
    authorityDir: isAuthorityHere ? authorityDir : null,
  };
}

export function formatTrust(view: TrustView, nowMs: number, paint: Paint): string[] {
  const leftMs = Date.parse(view.notAfter) - nowMs;
  const left = leftMs > 0 ? `${formatDuration(leftMs)} left` : paint.red(`expired ${formatDuration(-leftMs)} ago`);
  const facts: [name: string, value: string][] = [
    ['identity', view.id],
    ['serial', view.serial],
    ['valid', `${view.notBefore} to ${view.notAfter}, ${left}`],
    ...view.authorities.map(({ pin, notAfter }): [string, string] => ['believes', `authority ${pin}, until ${notAfter}`]),
    ['authority', view.authorityDir === null ? 'elsewhere: a Trust Fabric renews this identity' : `here, in ${view.authorityDir}`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${paint.dim(name.padEnd(width))}  ${value}`);
}
