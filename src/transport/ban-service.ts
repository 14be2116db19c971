/** Who is kept out: proto to handler and back. */
import { unary } from './admin-service.ts';
import type { Answering } from './admin-service.ts';
import type { BanServiceDefinition } from './generated/omega/mesh/v1/BanService.ts';
import { protos } from './proto.ts';
import type { MeshService } from './session-service.ts';

type Rpc = BanServiceDefinition;

/** One function per RPC, as in AdminHandler. */
export interface BanHandler {
  readonly issueBan: Answering<Rpc['IssueBan']>;
  readonly listBans: Answering<Rpc['ListBans']>;
}

/** @param onBug hears of everything thrown that is no MeshError */
export function banService(handler: BanHandler, onBug: (error: unknown) => void): MeshService {
  return {
    definition: protos.BanService.service,
    implementation: { IssueBan: unary(handler.issueBan, onBug), ListBans: unary(handler.listBans, onBug) },
  };
}
