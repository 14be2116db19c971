/** Keys of the configuration about identities, and about the connections that they are shown on. */
import { z } from 'zod';
import { SVID_TTL_MS } from '../trust/authority.ts';
import { TRUST_PORT_DEFAULT } from '../trust/fabric-file.ts';
import { TRUST_SOURCES, type TrustSourceSaid } from '../trust/trust-source.ts';
import type { ConfigFault } from './config-fault.ts';
import type { KeySpec } from './key-spec.ts';

/** Without a source or a socket: what lies in the data directory says where the identity comes from. */
export interface TrustConfig extends TrustSourceSaid {
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

/** Workload Endpoint standard, section 4: `unix:///path`. */
const ENDPOINT = /^(?:unix:(?:\/\/)?)?(\/[^?#]+)$/;

/** The path of the socket; undefined where the text is not the address of one. */
export function endpointPath(text: string): string | undefined {
  return ENDPOINT.exec(text)?.[1];
}

const endpoint = z.string().transform((text, context): string => {
  const path = endpointPath(text);
  if (path !== undefined) return path;
  context.addIssue('not the path of a socket');
  return z.NEVER;
});

/** What every program that speaks SPIFFE takes for the address of its Workload API; here only for a node that is told to use one. */
export const ENDPOINT_VARIABLE = 'SPIFFE_ENDPOINT_SOCKET';

export const TRUST_KEYS = {
  trustSource: {
    placeholder: TRUST_SOURCES.join('|'),
    summary: "where the identity comes from: the authority of this machine, a Trust Fabric, or a SPIFFE Workload API such as that of SPIRE's agent",
    default: 'as the data directory has it, or embedded',
    expected: 'embedded, fabric or workload-api',
    schema: z.enum(TRUST_SOURCES),
    choices: TRUST_SOURCES,
  },
  workloadSocket: {
    placeholder: 'unix:///path',
    summary: `socket of the Workload API that the identity comes from; with it the source is workload-api, which otherwise takes ${ENDPOINT_VARIABLE}`,
    default: 'none',
    expected: 'unix:/// and an absolute path, such as unix:///run/spire/sockets/agent.sock',
    schema: endpoint,
  },
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

export function trustFaults({ trustSource, workloadSocket }: TrustConfig): ConfigFault[] {
  if (workloadSocket === undefined || trustSource === undefined || trustSource === 'workload-api') return [];
  return [{ code: 'BAD_CONFIG', what: `trustSource is ${trustSource}, and workloadSocket is given`, given: trustSource, expected: 'workload-api, or no socket' }];
}
