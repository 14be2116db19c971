/** Keys of the configuration about identities, and about the connections that they are shown on. */
import { z } from 'zod';
import { SVID_TTL_MS } from '../trust/authority.ts';
import { TRUST_PORT_DEFAULT } from '../trust/fabric-file.ts';
import type { KeySpec } from './key-spec.ts';

export interface TrustConfig {
  /** TCP, where the authority is kept here; 0 takes any free port; undefined the usual one, unless it is taken. */
  readonly trustPort: number | undefined;
  /** How long an identity holds that the authority here issues. */
  readonly svidTtlMs: number;
  /** Post-quantum key exchange with peers and agents. */
  readonly pq: Pq;
}

/** Never, where both ends can, or nothing else. */
const PQ = ['off', 'prefer', 'require'] as const;
export type Pq = (typeof PQ)[number];

export const TRUST_KEYS = {
  trustPort: {
    placeholder: 'port',
    summary: 'port for those who want an identity, TCP, where the authority is kept here; 0 takes any free one',
    default: `${TRUST_PORT_DEFAULT}, unless it is taken`,
    expected: 'a whole number from 0 to 65535, where 0 takes any free port',
    schema: z.int().min(0).max(65_535),
  },
  svidTtlMs: {
    placeholder: 'ms',
    summary: 'how long an identity holds that the authority here issues; it is renewed at half of that',
    default: String(SVID_TTL_MS),
    expected: 'a whole number of milliseconds from 10000 to 86400000',
    schema: z.int().min(10_000).max(86_400_000),
  },
  pq: {
    placeholder: PQ.join('|'),
    summary: 'post-quantum key exchange (X25519MLKEM768): never, where both ends can (Node.js 22.20 or later), or refuse all else',
    default: 'prefer',
    expected: 'off, prefer or require',
    schema: z.enum(PQ),
    choices: PQ,
  },
} as const satisfies Record<keyof TrustConfig, KeySpec>;
