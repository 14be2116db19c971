import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../src/clock.ts';
import { readConfig, type Config } from '../src/config/config.ts';
import { nodeTrust } from '../src/node-trust.ts';
import type { MeshServer } from '../src/transport/grpc-server.ts';
import { createWorkloadServer } from '../src/transport/workload-server.ts';
import type { WorkloadStream } from '../src/transport/workload-service.ts';
import { readIdentity } from '../src/trust/identity-files.ts';
import type { Identity } from '../src/trust/identity-source.ts';
import { trustDomain } from './support/trust-domain.ts';

describe('a node whose identity comes from a Workload API', () => {
  let home: string;
  let socket: string;
  let identity: Identity;
  let server: MeshServer;
  let onStream: (stream: WorkloadStream) => void;
  const events: string[] = [];
  const log = { log: (_level: string, event: string) => void events.push(event) };
  const config = (flags: Readonly<Record<string, string>> = {}): Config => readConfig({ flags: { name: 'n2', dataDir: join(home, 'n2'), ...flags }, env: {}, file: undefined, hostName: 'box', home }).config;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'trust-'));
    socket = join(home, 'agent.sock');
    identity = await (await trustDomain()).identity('node', 'n2');
    onStream = (stream) => stream.send(identity);
    server = await createWorkloadServer({ id: identity.svid.id, socket, group: undefined }, (stream) => onStream(stream));
    events.length = 0;
  });
  afterEach(async () => {
    await server.close(0);
    rmSync(home, { recursive: true });
  });

  it('keeps it on disk, renews it by what is pushed, and holds no authority', async () => {
    const { held, authorities, renew, watch } = await nodeTrust(config({ workloadSocket: socket }), log, systemClock);
    expect([held.current().svid.serial, authorities]).to.deep.equal([identity.svid.serial, undefined]);
    expect(readIdentity(join(home, 'n2', 'trust'))?.svid.serial).to.equal(identity.svid.serial);
    const renewed = await (await trustDomain()).identity('node', 'n2');
    const next = renew(() => undefined);
    watch!.put(identity);
    watch!.put(renewed);
    expect(await next).to.equal(renewed);
  });

  it('starts again while the socket is away, with the one that it had, and needs not be told where that came from', async () => {
    await nodeTrust(config({ workloadSocket: socket }), log, systemClock);
    await server.close(0);
    const { held } = await nodeTrust(config(), log, systemClock);
    expect(held.current().svid.serial).to.equal(identity.svid.serial);
    expect(events).to.include('workload-api-away');
  });

  it('does not start with the one that it had under another name, nor when it is told that it is another’s', async () => {
    await nodeTrust(config({ workloadSocket: socket }), log, systemClock);
    const fault: unknown = await nodeTrust(config({ name: 'n3' }), log, systemClock).catch((error: unknown) => error);
    expect(fault).to.have.property('code', 'WRONG_IDENTITY');
  });
});
