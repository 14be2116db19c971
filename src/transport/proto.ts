/** The messages and services of proto/, loaded once, with the types generated from the same files. */
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as AdminProtos } from './generated/admin.ts';
import type { ProtoGrpcType as AgentProtos } from './generated/agent.ts';
import type { ProtoGrpcType as AuthorityProtos } from './generated/authority.ts';
import type { ProtoGrpcType as BanProtos } from './generated/bans.ts';
import type { ProtoGrpcType as ChaosProtos } from './generated/chaos.ts';
import type { ProtoGrpcType as PeerProtos } from './generated/peer.ts';
import type { ProtoGrpcType as SerfProtos } from './generated/serf.ts';
import type { ProtoGrpcType as TrustProtos } from './generated/trust.ts';
import type { ProtoGrpcType as SpiffeProtos } from './generated/workload.ts';
import type { ProtoGrpcType as WorkloadProtos } from './generated/workloads.ts';

interface Loaded extends Pick<SpiffeProtos, 'SpiffeWorkloadAPI'> {
  readonly omega: {
    readonly mesh: {
      readonly v1: PeerProtos['omega']['mesh']['v1'] &
        AgentProtos['omega']['mesh']['v1'] &
        AdminProtos['omega']['mesh']['v1'] &
        ChaosProtos['omega']['mesh']['v1'] &
        SerfProtos['omega']['mesh']['v1'] &
        BanProtos['omega']['mesh']['v1'] &
        AuthorityProtos['omega']['mesh']['v1'] &
        TrustProtos['omega']['mesh']['v1'] &
        WorkloadProtos['omega']['mesh']['v1'];
    };
  };
}

/** Beside src/ and dist/ alike. */
const PROTO_DIR = fileURLToPath(new URL('../../proto', import.meta.url));

// The options are those of the `protos` script in package.json: the generated types hold for no others.
const FILES = ['peer', 'agent', 'admin', 'chaos', 'serf', 'bans', 'trust', 'authority', 'workloads'].map((name) => `omega/mesh/v1/${name}.proto`);
export const definition = loadSync([...FILES, 'spiffe/workload.proto'], {
  includeDirs: [PROTO_DIR],
  keepCase: false,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

const loaded = loadPackageDefinition(definition) as unknown as Loaded;
export const protos = loaded.omega.mesh.v1;
/** The standard's, which has no package. */
export const spiffeWorkloadApi = loaded.SpiffeWorkloadAPI;
