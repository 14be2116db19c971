/** The authority and how another takes its place: proto to handler and back. */
import { unary } from './admin-service.ts';
import type { Answering } from './admin-service.ts';
import type { AuthorityServiceDefinition } from './generated/omega/mesh/v1/AuthorityService.ts';
import { protos } from './proto.ts';
import type { MeshService } from './session-service.ts';

type Rpc = AuthorityServiceDefinition;

/** One function per RPC, as in AdminHandler. */
export interface AuthorityHandler {
  readonly showAuthority: Answering<Rpc['ShowAuthority']>;
  readonly changeAuthority: Answering<Rpc['ChangeAuthority']>;
}

/** @param onBug hears of everything thrown that is no MeshError */
export function authorityService(handler: AuthorityHandler, onBug: (error: unknown) => void): MeshService {
  return {
    definition: protos.AuthorityService.service,
    implementation: { ShowAuthority: unary(handler.showAuthority, onBug), ChangeAuthority: unary(handler.changeAuthority, onBug) },
  };
}
