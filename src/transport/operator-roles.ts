/** What an admin may ask of a node: of each method the least role that may. A method without a row is nobody's over the network. */
import type { AdminRole } from '../trust/authority.ts';
import type { AdminServiceDefinition } from './generated/omega/mesh/v1/AdminService.ts';
import type { AuthorityServiceDefinition } from './generated/omega/mesh/v1/AuthorityService.ts';
import type { BanServiceDefinition } from './generated/omega/mesh/v1/BanService.ts';
import type { ChaosServiceDefinition } from './generated/omega/mesh/v1/ChaosService.ts';
import type { SerfServiceDefinition } from './generated/omega/mesh/v1/SerfService.ts';
import type { WorkloadServiceDefinition } from './generated/omega/mesh/v1/WorkloadService.ts';

/** The services of operators. */
interface Services {
  readonly AdminService: AdminServiceDefinition;
  readonly ChaosService: ChaosServiceDefinition;
  readonly SerfService: SerfServiceDefinition;
  readonly BanService: BanServiceDefinition;
  readonly WorkloadService: WorkloadServiceDefinition;
  readonly AuthorityService: AuthorityServiceDefinition;
}

type Roles<Definition> = { readonly [M in keyof Definition as string extends M ? never : M]: AdminRole };

/** A viewer looks; an operator acts on what runs and on what is stored; an admin says who belongs to the mesh. */
const ROLES: { readonly [S in keyof Services]: Roles<Services[S]> } = {
  AdminService: {
    GetStatus: 'viewer',
    ListMembers: 'viewer',
    WatchMembers: 'viewer',
    GetMemberRecord: 'viewer',
    GetTree: 'viewer',
    ListHistory: 'viewer',
    ListEvents: 'viewer',
    GetActor: 'viewer',
    GetState: 'viewer',
    ListDeadLetters: 'viewer',
    // Costs its actor time, and shows what others write to it.
    TraceActor: 'operator',
    KillActor: 'operator',
    ControlActor: 'operator',
    ReplayDeadLetter: 'operator',
    ListSessions: 'viewer',
    ListAgents: 'viewer',
    TailAgent: 'viewer',
    SendCommand: 'operator',
    RegistryPut: 'operator',
    RegistryGet: 'viewer',
    RegistryDelete: 'operator',
    RegistryList: 'viewer',
    RegistryWatch: 'viewer',
  },
  ChaosService: { Foresee: 'viewer', Inflict: 'operator', RunStorm: 'operator' },
  SerfService: {
    SendUserEvent: 'operator',
    FollowUserEvents: 'viewer',
    // Programs on other hosts run to answer it.
    RunQuery: 'operator',
    AnswerQuery: 'operator',
    GetRtt: 'viewer',
    ChangeTags: 'operator',
    ForceLeave: 'operator',
    // Also shows them.
    ManageKeys: 'admin',
    RotateKey: 'admin',
  },
  BanService: { IssueBan: 'admin', ListBans: 'viewer' },
  WorkloadService: { AddWorkload: 'admin', RemoveWorkload: 'admin', ListWorkloads: 'viewer' },
  AuthorityService: { ShowAuthority: 'viewer', ChangeAuthority: 'admin' },
};

const PACKAGE = 'omega.mesh.v1';

const ROLE_OF: ReadonlyMap<string, AdminRole> = new Map(
  Object.entries(ROLES).flatMap(([service, roles]) => Object.entries(roles).map(([method, role]): [string, AdminRole] => [`/${PACKAGE}.${service}/${method}`, role])),
);

/** @param path of the method, such as `/omega.mesh.v1.AdminService/GetStatus`; undefined where it is no operator's */
export function roleFor(path: string): AdminRole | undefined {
  return ROLE_OF.get(path);
}
