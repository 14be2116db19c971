import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, status as Status, type ServerWritableStream } from '@grpc/grpc-js';
import { expect } from 'chai';
import { MeshError, type ErrorCode } from '../../src/errors.ts';
import type { X509SVIDResponse } from '../../src/transport/generated/X509SVIDResponse.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { spiffeWorkloadApi } from '../../src/transport/proto.ts';
import { firstSvid, followSvid } from '../../src/transport/workload-client.ts';
import { createWorkloadServer } from '../../src/transport/workload-server.ts';
import type { WorkloadStream } from '../../src/transport/workload-service.ts';
import type { Identity } from '../../src/trust/identity-source.ts';
import { trustDomain } from '../support/trust-domain.ts';
import { SpireLike } from '../trust/odd-leaf.ts';
import { soon } from './session-ends.ts';

const N2 = { kind: 'node', name: 'n2' } as const;

async function faultOf(act: Promise<unknown>): Promise<MeshError> {
  const error: unknown = await soon(act, 'an outcome').then(() => new Error('it was answered'), (fault: unknown) => fault);
  expect(error).to.be.instanceOf(MeshError);
  return error as MeshError;
}

describe('the identity of a node over a Workload API', () => {
  let dir: string;
  let socket: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'workload-'));
    socket = join(dir, 'agent.sock');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  describe('of a node beside it', () => {
    let identity: Identity;
    let server: MeshServer;
    let onStream: (stream: WorkloadStream) => void;
    beforeEach(async () => {
      identity = await (await trustDomain()).identity('node', 'n2');
      onStream = (stream) => stream.send(identity);
      server = await createWorkloadServer({ id: identity.svid.id, socket, group: undefined }, (stream) => onStream(stream));
    });
    afterEach(() => server.close(0));

    it('is what that node serves, with its key and whom to believe', async () => {
      const { svid, bundle } = await firstSvid(socket, N2, 0);
      expect([svid.id, svid.serial]).to.deep.equal([identity.svid.id, identity.svid.serial]);
      expect(svid.key.equals(identity.svid.key)).to.equal(true);
      expect(bundle.authorities.map(({ fingerprint256 }) => fingerprint256)).to.deep.equal(identity.bundle.authorities.map(({ fingerprint256 }) => fingerprint256));
    });

    it('is followed as it changes, until the stream ends, and then no more', async () => {
      let stream: WorkloadStream | undefined;
      onStream = (opened) => {
        stream = opened;
        opened.send(identity);
      };
      const serials: string[] = [];
      let heard = (): void => undefined;
      const ended = new Promise<MeshError>((resolve) => {
        followSvid(socket, N2, { told: ({ svid }) => (serials.push(svid.serial), heard()), ended: resolve });
      });
      const next = (): Promise<void> => soon(new Promise<void>((resolve) => (heard = resolve)), 'an identity');
      await next();
      const renewed = await (await trustDomain()).identity('node', 'n2');
      const second = next();
      stream!.send(renewed);
      await second;
      expect(serials).to.deep.equal([identity.svid.serial, renewed.svid.serial]);
      stream!.close(new MeshError('BANNED', 'n2 was banned'));
      expect(await soon(ended, 'the end')).to.include({ code: 'BANNED', message: 'n2 was banned' });
    });

    it('is refused under another name, with what to register', async () => {
      const fault = await faultOf(firstSvid(socket, { kind: 'node', name: 'n3' }, 0));
      expect(fault).to.include({ code: 'WRONG_IDENTITY', given: 'spiffe://omega.test/node/n2', expected: 'spiffe://<trust domain>/node/n3' });
      expect(fault.todo).to.contain('-spiffeID').and.to.contain('mesh workload add node/n3');
    });
  });

  describe('of a program of others', () => {
    let server: Server;
    let answer: (call: ServerWritableStream<unknown, X509SVIDResponse>) => void;
    beforeEach(async () => {
      server = new Server();
      server.addService(spiffeWorkloadApi.service, { FetchX509SVID: (call: ServerWritableStream<unknown, X509SVIDResponse>) => answer(call), FetchX509Bundles: () => undefined });
      await new Promise<void>((resolve, reject) => server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error))));
    });
    afterEach(() => server.forceShutdown());

    const der = async (kind: 'node' | 'agent', name: string, options: { shiftMs?: number } = {}): Promise<NonNullable<X509SVIDResponse['svids']>[number]> => {
      const { svid, bundle } = await (await trustDomain()).identity(kind, name, options);
      return {
        spiffeId: `spiffe://omega.test/${kind}/${name}`,
        x509Svid: svid.certificates[0]!.raw,
        x509SvidKey: svid.key.export({ type: 'pkcs8', format: 'der' }),
        bundle: Buffer.concat([bundle.authorities[0]!.raw, bundle.authorities[0]!.raw]),
      };
    };

    it('is found among others that the program may have', async () => {
      const svids = [{ ...(await der('agent', 'n2')), spiffeId: 'spiffe://omega.test/ns/prod/sa/mesh' }, await der('node', 'n2')];
      answer = (call) => void call.write({ svids });
      const { svid, bundle } = await firstSvid(socket, N2, 0);
      expect(svid.id).to.include(N2);
      expect(bundle.authorities.length).to.equal(2);
    });

    it('is taken with an intermediate, as SPIRE has them below another authority', async () => {
      const { svid, bundle } = await (await SpireLike.make()).node('n2');
      const x509Svid = Buffer.concat(svid.certificates.map(({ raw }) => raw));
      answer = (call) => void call.write({ svids: [{ spiffeId: 'spiffe://omega.test/node/n2', x509Svid, x509SvidKey: svid.key.export({ type: 'pkcs8', format: 'der' }), bundle: bundle.authorities[0]!.raw, hint: 'internal' }] });
      expect((await firstSvid(socket, N2, 0)).svid.certificates.map(({ fingerprint256 }) => fingerprint256)).to.deep.equal(svid.certificates.map(({ fingerprint256 }) => fingerprint256));
    });

    const refused: readonly (readonly [title: string, code: ErrorCode, svids: () => Promise<NonNullable<X509SVIDResponse['svids']>>])[] = [
      ['nothing at all', 'WRONG_IDENTITY', async () => []],
      ['an identity of another kind', 'WRONG_IDENTITY', async () => [await der('agent', 'n2')]],
      ['a certificate that has expired', 'SVID_EXPIRED', async () => [await der('node', 'n2', { shiftMs: -5 * 3_600_000 })]],
      ['a key of another certificate', 'KEY_MISMATCH', async () => [{ ...(await der('node', 'n2')), x509SvidKey: (await der('node', 'n2')).x509SvidKey! }]],
      ['a key that is none', 'MALFORMED', async () => [{ ...(await der('node', 'n2')), x509SvidKey: Buffer.from('x') }]],
      ['a chain that is cut off', 'MALFORMED', async () => [{ ...(await der('node', 'n2')), x509Svid: ((await der('node', 'n2')).x509Svid as Buffer).subarray(0, 200) }]],
      ['nobody to believe', 'UNKNOWN_AUTHORITY', async () => [{ ...(await der('node', 'n2')), bundle: Buffer.alloc(0) }]],
    ];
    for (const [title, code, made] of refused) {
      it(`is refused when that gives ${title}: ${code}`, async () => {
        const svids = await made();
        answer = (call) => void call.write({ svids });
        expect((await faultOf(firstSvid(socket, N2, 0))).code).to.equal(code);
      });
    }

    it('is not there for who is not registered, in the words of that program', async () => {
      answer = (call) => call.emit('error', { code: Status.PERMISSION_DENIED, details: 'no identity issued' });
      const fault = await faultOf(firstSvid(socket, N2, 0));
      expect(fault).to.include({ code: 'REFUSED', message: `the Workload API on ${socket} has no identity for this program: no identity issued` });
    });

    it('is waited for while that program starts', async () => {
      const svids = [await der('node', 'n2')];
      let calls = 0;
      const notYet = [Status.UNAVAILABLE, Status.PERMISSION_DENIED];
      answer = (call) => void (calls++ < 2 ? call.emit('error', { code: notYet[calls - 1], details: 'starting' }) : call.write({ svids }));
      expect((await soon(firstSvid(socket, N2, 10_000), 'an identity')).svid.id.name).to.equal('n2');
      expect(calls).to.equal(3);
    });
  });

  it('is told to be out of reach where nobody listens', async () => {
    const fault = await faultOf(firstSvid(socket, N2, 0));
    expect(fault).to.include({ code: 'NODE_UNREACHABLE', message: `no Workload API answers on ${socket}` });
  });
});
