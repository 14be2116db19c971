/** What operators may ask of a node, once for the socket on its own machine, and once for admins elsewhere. */
import type { AuditLog } from './data-dir/audit-log.ts';
import type { Clock } from './clock.ts';
import { adminDefinition, adminService } from './transport/admin-service.ts';
import type { AdminHandler } from './transport/admin-service.ts';
import { auditedService } from './transport/audited-calls.ts';
import { createAdminServer } from './transport/grpc-server.ts';
import type { MeshServer } from './transport/grpc-server.ts';
import { LateService } from './transport/late-service.ts';
import { provenAsker } from './transport/proven-asker.ts';
import type { MeshService } from './transport/session-service.ts';

export interface OperatorServicesOptions {
  readonly adminSocket: string;
  /** All but AdminService, whose handler comes and goes with the room that has it. */
  readonly others: readonly MeshService[];
  readonly audit: AuditLog;
  readonly clock: Clock;
  /** Hears of everything thrown that is no MeshError. */
  readonly onBug: (error: unknown) => void;
}

export interface OperatorServices {
  /** For the listener of the mesh, which asks of each caller whether he may. */
  readonly forAdmins: readonly MeshService[];
  /** Opens the socket; AdminService is answered, there and on the listener, until it is closed. */
  openSocket(handler: AdminHandler): Promise<MeshServer>;
}

export function operatorServices({ adminSocket, others, audit, clock, onBug }: OperatorServicesOptions): OperatorServices {
  const audited = (service: MeshService): MeshService => auditedService(service, (event) => audit.record(event, clock.wallNow()));
  const late = new LateService(adminDefinition());
  const shared = others.map(audited);
  return {
    forAdmins: [late, ...shared].map(provenAsker),
    async openSocket(handler) {
      const admin = audited(adminService(handler, onBug));
      const server = await createAdminServer(adminSocket, [admin, ...shared]);
      const end = late.answerWith(admin);
      return {
        address: server.address,
        close(graceMs) {
          end();
          return server.close(graceMs);
        },
      };
    },
  };
}
