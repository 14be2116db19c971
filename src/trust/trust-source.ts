/** Where the identity of a node comes from: what it was told, else what lies beside the identity that it has. */
import { MeshError } from '../errors.ts';
import { readWorkloadApi } from './workload-api-file.ts';

/** The authority on its own machine, a Trust Fabric elsewhere, or a SPIFFE Workload API. */
export const TRUST_SOURCES = ['embedded', 'fabric', 'workload-api'] as const;
export type TrustSource = (typeof TRUST_SOURCES)[number];

export interface TrustSourceSaid {
  readonly trustSource: TrustSource | undefined;
  /** Absolute path. */
  readonly workloadSocket: string | undefined;
}

/** Undefined: embedded or fabric, as what is on disk has it. */
export type IdentityOrigin = { readonly kind: 'embedded' | 'fabric' | undefined } | { readonly kind: 'workload-api'; readonly socket: string };

/** @throws MeshError BAD_CONFIG, TRUST_FILE_DAMAGED */
export function identityOrigin({ trustSource, workloadSocket }: TrustSourceSaid, trustDir: string): IdentityOrigin {
  if (trustSource === 'embedded' || trustSource === 'fabric') return { kind: trustSource };
  const socket = workloadSocket ?? readWorkloadApi(trustDir);
  if (socket !== undefined) return { kind: 'workload-api', socket };
  if (trustSource === undefined) return { kind: undefined };
  throw new MeshError('BAD_CONFIG', 'trustSource is workload-api, and no socket is named', { given: 'workload-api', expected: '--workload-socket unix:///…, or the variable SPIFFE_ENDPOINT_SOCKET', todo: 'SPIRE’s agent has it as socket_path, a node shows it with `mesh workload list`' });
}
