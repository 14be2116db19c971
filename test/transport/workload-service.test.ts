import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, status as Status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { createWorkloadServer } from '../../src/transport/workload-server.ts';
import type { WorkloadStream } from '../../src/transport/workload-service.ts';
import type { Identity } from '../../src/trust/identity-source.ts';
import { trustDomain } from '../support/trust-domain.ts';
import { soon } from './session-ends.ts';

const SVID = '/SpiffeWorkloadAPI/FetchX509SVID';
const BUNDLES = '/SpiffeWorkloadAPI/FetchX509Bundles';

/** Protobuf as it is on the wire: the fields of a message that have a length, by number. */
function fieldsOf(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  const varint = (at: number): readonly [value: number, next: number] => {
    let [value, shift, next] = [0, 0, at];
    for (; ; shift += 7) {
      const byte = bytes[next++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return [value, next];
    }
  };
  for (let at = 0; at < bytes.length; ) {
    const [tag, afterTag] = varint(at);
    expect(tag & 7, 'a field with a length').to.equal(2);
    const [length, start] = varint(afterTag);
    found.set(tag >> 3, bytes.subarray(start, start + length));
    at = start + length;
  }
  return found;
}

describe('the socket of a workload', () => {
  let dir: string;
  let socket: string;
  let identity: Identity;
  let server: MeshServer;
  let client: Client;
  let streams: WorkloadStream[];
  let arrived: () => void;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'workload-'));
    socket = join(dir, 'made', 'web.sock');
    identity = await (await trustDomain()).identity('workload', 'n1/web');
    streams = [];
    arrived = () => undefined;
    const id = identity.svid.id;
    server = await createWorkloadServer({ id, socket, group: undefined }, (stream) => {
      streams.push(stream);
      arrived();
    });
    client = new Client(`unix:${socket}`, credentials.createInsecure());
  });
  afterEach(async () => {
    client.close();
    await server.close(0);
    rmSync(dir, { recursive: true });
  });

  /** A call as a program makes it that knows nothing of ours: bytes both ways. */
  function call(path: string, header: string | undefined = 'true'): { readonly stream: ClientReadableStream<Buffer>; next(): Promise<Buffer>; readonly fault: Promise<ServiceError> } {
    const metadata = new Metadata();
    if (header !== undefined) metadata.set('workload.spiffe.io', header);
    const stream = client.makeServerStreamRequest(path, (bytes: Buffer) => bytes, (bytes) => bytes, Buffer.alloc(0), metadata);
    const fault = new Promise<ServiceError>((resolve) => void stream.once('error', (error: Error) => resolve(error as ServiceError)));
    return { stream, fault, next: () => soon(new Promise<Buffer>((resolve) => void stream.once('data', resolve)), 'an answer') };
  }
  const opened = async (count: number): Promise<void> => {
    while (streams.length < count) await soon(new Promise<void>((resolve) => (arrived = resolve)), 'a stream');
  };

  it('is for its owner alone, and so is the directory that is made for it', () => {
    expect(statSync(socket).mode & 0o777).to.equal(0o600);
    expect(statSync(join(dir, 'made')).mode & 0o777).to.equal(0o700);
  });

  it('is for a group too where one is named', async () => {
    const shared = join(dir, 'made', 'shared.sock');
    const other = await createWorkloadServer({ id: identity.svid.id, socket: shared, group: String(process.getgid?.()) }, () => undefined);
    expect(statSync(shared)).to.include({ gid: process.getgid?.() }).and.to.satisfy(({ mode }: { mode: number }) => (mode & 0o777) === 0o660);
    await other.close(0);
    const fault: unknown = await createWorkloadServer({ id: identity.svid.id, socket: shared, group: 'no-such-group' }, () => undefined).catch((error: unknown) => error);
    expect(fault).to.be.instanceOf(MeshError).with.property('code', 'BAD_ARGUMENT');
  });

  it('tells who it is in the fields of the standard, and again when that changes', async () => {
    const program = call(SVID);
    await opened(1);
    streams[0]!.send(identity);
    const response = fieldsOf(await program.next());
    expect([...response.keys()]).to.deep.equal([1]);
    const svid = fieldsOf(response.get(1)!);
    expect([...svid.keys()]).to.deep.equal([1, 2, 3, 4]);
    expect(svid.get(1)!.toString()).to.equal('spiffe://omega.test/workload/n1/web');
    const leaf = new X509Certificate(svid.get(2)!);
    expect(leaf.checkPrivateKey(createPrivateKey({ key: svid.get(3)!, format: 'der', type: 'pkcs8' }))).to.equal(true);
    expect(leaf.verify(new X509Certificate(svid.get(4)!).publicKey)).to.equal(true);
    expect(leaf.subjectAltName).to.equal('URI:spiffe://omega.test/workload/n1/web');
    const renewed = await (await trustDomain()).identity('workload', 'n1/web');
    const next = program.next();
    streams[0]!.send(renewed);
    expect(new X509Certificate(fieldsOf(fieldsOf(await next).get(1)!).get(2)!).serialNumber).to.equal(renewed.svid.serial);
  });

  it('tells whom to believe, by the trust domain', async () => {
    const program = call(BUNDLES);
    await opened(1);
    streams[0]!.send(identity);
    const response = fieldsOf(await program.next());
    expect([...response.keys()]).to.deep.equal([2]);
    const entry = fieldsOf(response.get(2)!);
    expect(entry.get(1)!.toString()).to.equal('spiffe://omega.test');
    expect(new X509Certificate(entry.get(2)!).ca).to.equal(true);
  });

  it('says why when a stream ends, in the status that clients of the standard go by', async () => {
    const program = call(SVID);
    await opened(1);
    const closed = new Promise<void>((resolve) => streams[0]!.onClosed(resolve));
    streams[0]!.close(new MeshError('BANNED', 'web was banned'));
    expect(await program.fault).to.include({ code: Status.PERMISSION_DENIED, details: 'web was banned' });
    await soon(closed, 'the end of the stream');
  });

  for (const header of [undefined, 'false', '']) {
    it(`demands the header of the standard, and not ${JSON.stringify(header)}`, async () => {
      expect(await call(SVID, header ?? 'none').fault).to.include({ code: Status.INVALID_ARGUMENT });
      expect(streams).to.deep.equal([]);
    });
  }

  it('has no JWTs', async () => {
    expect(await call('/SpiffeWorkloadAPI/FetchJWTBundles').fault).to.include({ code: Status.UNIMPLEMENTED });
  });

  it('has room for so many streams, and again when one has ended', async () => {
    const programs = Array.from({ length: 64 }, () => call(SVID));
    await opened(64);
    expect(await call(SVID).fault).to.include({ code: Status.RESOURCE_EXHAUSTED });
    const ended = new Promise<void>((resolve) => streams[0]!.onClosed(resolve));
    for (const program of programs) program.stream.cancel();
    await soon(ended, 'the end of a stream');
    await soon(Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.onClosed(resolve)))), 'the end of all');
    call(SVID);
    await opened(65);
  });
});
