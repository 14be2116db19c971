import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AuditEvent } from '../../src/data-dir/audit-chain.ts';
import { MeshError } from '../../src/errors.ts';
import { adminService } from '../../src/transport/admin-service.ts';
import type { AdminHandler } from '../../src/transport/admin-service.ts';
import { auditedService } from '../../src/transport/audited-calls.ts';
import { chaosService } from '../../src/transport/chaos-service.ts';
import type { ChaosHandler } from '../../src/transport/chaos-service.ts';
import { connectAdmin } from '../../src/transport/grpc-client.ts';
import type { AdminClient } from '../../src/transport/grpc-client.ts';
import { createAdminServer } from '../../src/transport/grpc-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { serfService } from '../../src/transport/serf-service.ts';
import type { SerfHandler } from '../../src/transport/serf-service.ts';

const BY = 'ádá as root (pid 7)';
const refuse = (): never => {
  throw new MeshError('REFUSED', 'not now');
};

describe('calls of operators that change something', () => {
  let dir: string;
  let server: MeshServer;
  let admin: AdminClient;
  let audit: AuditEvent[];
  /** How many entries there were when the answer was received. */
  const written = (): AuditEvent[] => audit.splice(0);

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'omega-mesh-'));
    audit = [];
    const done = (): Promise<never> => Promise.resolve({} as never);
    const services = [
      adminService({ killActor: done, registryPut: done, registryGet: done, controlActor: () => Promise.resolve().then(refuse), sendCommand: done } as unknown as AdminHandler, () => undefined),
      chaosService({ inflict: ({ path }, sink) => (path === '/no' ? refuse() : sink.close()) } as ChaosHandler, () => undefined),
      serfService({ manageKeys: done, changeTags: done } as unknown as SerfHandler, () => undefined),
    ];
    server = await createAdminServer(join(dir, 'admin.sock'), services.map((service) => auditedService(service, (event) => audit.push(event))));
    admin = connectAdmin(join(dir, 'admin.sock'), BY);
  });
  afterEach(async () => {
    admin.close();
    await server.close(0);
    rmSync(dir, { recursive: true });
  });

  it('are written down with who asked, before they are answered', async () => {
    await admin.killActor({ path: '/bus' });
    expect(written()).to.deep.equal([{ what: 'kill', subject: '/bus', who: BY, outcome: 'done' }]);
  });

  it('are written down with the reason when they are refused', async () => {
    await admin.controlActor({ path: '/bus', verb: 'stop' }).catch(() => undefined);
    expect(written()).to.deep.equal([{ what: 'stop', subject: '/bus', who: BY, outcome: 'refused', detail: 'not now' }]);
  });

  it('are written down as they begin when they go on', async () => {
    for (const path of ['/a', '/no']) {
      try {
        for await (const _ of admin.inflict({ fault: 'hang', path }));
      } catch (error) {
        expect(error).to.be.instanceOf(MeshError);
      }
    }
    expect(written()).to.deep.equal([
      { what: 'chaos', subject: '/a', detail: 'hang', who: BY, outcome: 'begun' },
      { what: 'chaos', subject: '/no', detail: 'hang: not now', who: BY, outcome: 'refused' },
    ]);
  });

  it('show no values, arguments or keys', async () => {
    await admin.registryPut({ key: 'k', value: 'secret' });
    await admin.sendCommand({ agent: 'a1', name: 'login', arguments: ['secret'] });
    await admin.manageKeys({ action: 'install', key: Buffer.alloc(32, 1) });
    await admin.changeTags({ set: { role: 'secret' }, remove: ['zone'] });
    expect(written().map(({ what, subject, detail }) => [what, subject, detail])).to.deep.equal([
      ['registry-put', 'k', undefined],
      ['send-command', 'a1', 'login, 1 arguments'],
      ['change-gossip-keys', 'key 72cd6e84', 'install'],
      ['change-tags', 'role, zone', undefined],
    ]);
  });

  it('are not those that only ask', async () => {
    await admin.registryGet({ key: 'k' });
    await admin.manageKeys({ action: 'list' });
    await admin.changeTags({});
    expect(written()).to.deep.equal([]);
  });
});
