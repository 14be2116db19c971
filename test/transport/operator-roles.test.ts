import { expect } from 'chai';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { permission } from '../../src/transport/call-gate.ts';
import { roleFor } from '../../src/transport/operator-roles.ts';
import { protos } from '../../src/transport/proto.ts';
import { ADMIN_ROLES } from '../../src/trust/authority.ts';
import type { IdentityKind } from '../../src/trust/spiffe-id.ts';

/** Whose callers are no admins: members, and who is to become one. */
const FOR_MEMBERS = new Set(['PeerService', 'AgentService', 'TrustService']);

const METHODS = Object.entries(protos).flatMap(([service, known]) =>
  'service' in known ? Object.values(known.service as ServiceDefinition).map(({ path }) => ({ service, path })) : [],
);
const ofOperators = METHODS.filter(({ service }) => !FOR_MEMBERS.has(service));
const id = (kind: IdentityKind) => ({ trustDomain: 'omega.test', kind, name: 'kim' });

describe('what the role of an admin lets him call', () => {
  it('is said of every method of operators, and of no other', () => {
    expect(ofOperators.length).to.be.above(30);
    expect(ofOperators.filter(({ path }) => roleFor(path) === undefined)).to.deep.equal([]);
    expect(METHODS.filter(({ service, path }) => FOR_MEMBERS.has(service) && roleFor(path) !== undefined)).to.deep.equal([]);
  });

  for (const [at, role] of ADMIN_ROLES.entries()) {
    it(`is for the role ${role} all that one below may too, and nothing above it`, () => {
      const caller = { id: id('admin'), role };
      for (const { path } of ofOperators) {
        const needed = roleFor(path)!;
        const fault = permission(caller, path);
        if (ADMIN_ROLES.indexOf(needed) <= at) expect(fault, path).to.equal(undefined);
        else expect(fault, path).to.include({ code: 'ROLE_TOO_LOW', given: role }).and.to.have.property('todo').that.includes(`--role ${needed}`);
      }
    });
  }

  it('is told with the role that would do', () => {
    const fault = permission({ id: id('admin'), role: 'operator' }, '/omega.mesh.v1.BanService/IssueBan');
    expect(fault?.message).to.equal('operator kim may not call BanService/IssueBan: an admin may');
  });

  it('is nothing for nodes and agents, and of an admin without a role what a viewer may', () => {
    for (const kind of ['node', 'agent'] as const) {
      expect(permission({ id: id(kind), role: undefined }, '/omega.mesh.v1.AdminService/GetStatus')).to.include({
        code: 'NOT_PERMITTED',
        message: `spiffe://omega.test/${kind}/kim may not use omega.mesh.v1.AdminService: an admin may`,
      });
    }
    const caller = { id: id('admin'), role: undefined };
    expect(permission(caller, '/omega.mesh.v1.AdminService/GetStatus')).to.equal(undefined);
    expect(permission(caller, '/omega.mesh.v1.AdminService/KillActor')?.code).to.equal('ROLE_TOO_LOW');
  });

  it('is nothing of what is for members, nor of what nobody knows', () => {
    const caller = { id: id('admin'), role: 'admin' } as const;
    for (const path of ['/omega.mesh.v1.PeerService/Session', '/omega.mesh.v1.AgentService/Session', '/omega.mesh.v1.AdminService/Unknown', '/x', '']) {
      expect(permission(caller, path)?.code, path).to.equal('NOT_PERMITTED');
    }
    expect(permission(caller, '/grpc.health.v1.Health/Check')).to.equal(undefined);
  });
});
