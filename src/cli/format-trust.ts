/** An identity and whom its holder believes, for people and scripts. Pure. */
import { formatAddress, type Address } from '../address.ts';
import { keyPin } from '../trust/bundle.ts';
import type { Identity } from '../trust/identity-source.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { validity } from '../trust/svid.ts';
import type { TrustSource } from '../trust/trust-source.ts';
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
  /** Where the next identity comes from, and its addresses: trust ports, or a socket. */
  readonly source: TrustSource;
  readonly sourceAt: readonly string[];
}

export interface TrustPlace {
  readonly authorityDir: string;
  readonly isAuthorityHere: boolean;
  /** Trust ports. */
  readonly fabrics: readonly Address[];
  /** Of a Workload API; undefined where the identity is of none. */
  readonly workloadSocket: string | undefined;
}

export function trustView({ svid, bundle }: Identity, { authorityDir, isAuthorityHere, fabrics, workloadSocket }: TrustPlace): TrustView {
  const source: TrustSource = workloadSocket === undefined ? (isAuthorityHere ? 'embedded' : 'fabric') : 'workload-api';
  return {
    id: formatSpiffeId(svid.id),
    trustDomain: bundle.trustDomain,
    serial: svid.serial,
    notBefore: moment(svid.notBeforeMs),
    notAfter: moment(svid.notAfterMs),
    authorities: bundle.authorities.map((authority) => ({ pin: keyPin(authority), notAfter: moment(validity(authority).notAfterMs) })),
    authorityDir: isAuthorityHere ? authorityDir : null,
    source,
    sourceAt: source === 'embedded' ? [] : workloadSocket === undefined ? fabrics.map(formatAddress) : [`unix://${workloadSocket}`],
  };
}

const SOURCE_WORDS: Readonly<Record<TrustSource, string>> = {
  embedded: 'the authority here issues this identity',
  fabric: 'a Trust Fabric renews this identity',
  'workload-api': 'a Workload API pushes this identity',
};

export function formatTrust(view: TrustView, nowMs: number, paint: Paint): string[] {
  const leftMs = Date.parse(view.notAfter) - nowMs;
  const left = leftMs > 0 ? `${formatDuration(leftMs)} left` : paint.red(`expired ${formatDuration(-leftMs)} ago`);
  const facts: [name: string, value: string][] = [
    ['identity', view.id],
    ['serial', view.serial],
    ['valid', `${view.notBefore} to ${view.notAfter}, ${left}`],
    ...view.authorities.map(({ pin, notAfter }): [string, string] => ['believes', `authority ${pin}, until ${notAfter}`]),
    ['authority', view.authorityDir === null ? 'elsewhere' : `here, in ${view.authorityDir}`],
    ['source', `${view.source}: ${SOURCE_WORDS[view.source]}${view.sourceAt.length === 0 ? '' : `, ${view.sourceAt.join(' or ')}`}`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${paint.dim(name.padEnd(width))}  ${value}`);
}
