/** The member's side of an attestation: over TLS to a Trust Fabric that has to prove itself first. */
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { X509Certificate } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { Client, credentials as grpcCredentials, status as Status } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import { certificatesIn, checkChallenge, NONCE_BYTES, signProof, type AttestMethod, type Begin } from '../trust/attestation.ts';
import type { IdentityRequest } from '../trust/authority.ts';
import type { Bundle } from '../trust/bundle.ts';
import type { Welcome } from '../trust/fabric.ts';
import { fromSent } from '../trust/gossip-ring.ts';
import type { Identity } from '../trust/identity-source.ts';
import { formatCertificates } from '../trust/pem.ts';
import { parseBundle, readBundle, type HeldBundle, type SignedBundle } from '../trust/signed-bundle.ts';
import { CHAIN_LENGTH_MAX, pairSvid, verifyChain, type Svid } from '../trust/svid.ts';
import type { AttestReply__Output } from './generated/omega/mesh/v1/AttestReply.ts';
import type { AttestRequest } from './generated/omega/mesh/v1/AttestRequest.ts';
import { bundleFrom } from './bundle-message.ts';
import { CHANNEL_OPTIONS } from './grpc-options.ts';
import { errorFromStatus } from './grpc-status.ts';
import { protos } from './proto.ts';

/** What proves who asks. */
export type Evidence =
  | { readonly kind: 'join_token'; readonly secret: Uint8Array }
  | { readonly kind: 'x509pop'; readonly svid: Svid }
  /** A node, for a program beside it. */
  | { readonly kind: 'workload'; readonly svid: Svid; readonly workload: string };

export interface AttestOptions {
  readonly address: Address;
  /** Whoever answers must be a node of this, and hold the key of one of its authorities. */
  readonly bundle: Bundle;
  readonly request: IdentityRequest;
  readonly evidence: Evidence;
}

export interface Attested extends Welcome {
  readonly identity: Identity;
}

/** Some lost SYNs, two round trips, and a Fabric that is busy with others. */
const ATTEST_TIMEOUT_MS = 15_000;
const BUNDLE_TIMEOUT_MS = 5_000;

/** What a TLS listener shows, with what is sent along; nothing of it is believed yet. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let next = socket.getPeerX509Certificate(); next !== undefined && chain.length <= CHAIN_LENGTH_MAX; next = next.issuerCertificate) {
    chain.push(next);
    if (next.checkIssued(next)) break;
  }
  return chain;
}

function unreachable(remote: string, cause: unknown): MeshError {
  return new MeshError('NODE_UNREACHABLE', `no Trust Fabric answers at ${remote}`, { given: remote, expected: 'the trust port of a node that holds the authority', todo: 'see that it runs, and that the port is --trust-port there', cause });
}

function handshake(socket: Socket, remote: string, bundle: Bundle | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = connect({
      socket,
      ...(bundle === undefined ? {} : { ca: formatCertificates(bundle.authorities) }),
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['h2'],
      // Both of these are looked at below: for who is meant is a trust domain, and its refusals have words of their own.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    const fail = (cause?: Error): void => reject(unreachable(remote, cause));
    secured.once('error', fail);
    secured.once('close', () => fail());
    secured.once('secureConnect', () => resolve(secured));
  });
}

/** One connection to a Fabric, and the certificate that it showed. */
class FabricConnection {
  readonly credentials: ChannelCredentials;
  leaf: X509Certificate | undefined;
  fault: MeshError | undefined;
  #socket: Socket | undefined;

  /** @param bundle whom to believe; undefined: whoever answers, for what he says proves itself */
  constructor(remote: string, bundle: Bundle | undefined) {
    this.credentials = grpcCredentials.createInsecure();
    const createConnector = this.credentials._createSecureConnector.bind(this.credentials);
    this.credentials._createSecureConnector = (...parameters) => {
      const connector = createConnector(...parameters);
      connector.connect = async (socket) => {
        this.#socket = socket;
        return { socket: await this.#secure(socket, remote, bundle), secure: true };
      };
      return connector;
    };
  }

  /** grpc-js leaves a socket open whose channel is closed while it connects. */
  close(): void {
    this.#socket?.destroy();
  }

  async #secure(socket: Socket, remote: string, bundle: Bundle | undefined): Promise<TLSSocket> {
    try {
      const secured = await handshake(socket, remote, bundle);
      if (bundle === undefined) return secured;
      const chain = chainOf(secured);
      this.leaf = chain[0];
      const id = verifyChain(chain.filter((each) => !each.checkIssued(each)), bundle, systemClock.wallNow());
      // OpenSSL has a say too; ours has the words.
      if (!secured.authorized || id.kind !== 'node') {
        throw new MeshError('FOREIGN_AUTHORITY', `who answers at ${remote} is not a node of ${bundle.trustDomain}`, { given: String(secured.authorizationError), expected: `a node of ${bundle.trustDomain}` });
      }
      return secured;
    } catch (error) {
      if (error instanceof MeshError) this.fault = error;
      throw error;
    }
  }
}

/** The bundle that the Fabric at this address shows; nothing of it is believed yet. @throws MeshError NODE_UNREACHABLE, and what the Fabric says */
export async function fetchBundle(address: Address): Promise<SignedBundle> {
  const remote = formatAddress(address);
  const connection = new FabricConnection(remote, undefined);
  const client = new Client(remote, connection.credentials, CHANNEL_OPTIONS);
  const { path, requestSerialize, responseDeserialize } = protos.TrustService.service.GetBundle;
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, { deadline: Date.now() + BUNDLE_TIMEOUT_MS }, (error, reply) => {
        if (error === null && reply !== undefined) resolve(bundleFrom(reply));
        else reject(connection.fault ?? (error === null || error.code === Status.UNAVAILABLE ? unreachable(remote, error) : errorFromStatus(error, `the Trust Fabric at ${remote}`)));
      });
    });
  } finally {
    client.close();
    connection.close();
  }
}

/**
 * The bundle of the authority whose key the pin names. The pin alone makes it believed.
 * @throws MeshError as `fetchBundle`; FOREIGN_AUTHORITY, and as `readBundle`
 */
export async function fetchPinnedBundle(address: Address, pin: string, trustDomain: string): Promise<HeldBundle> {
  const signed = await fetchBundle(address);
  const pinned = parseBundle(signed).claim.authorities.find((authority) => authority.pin === pin);
  if (pinned !== undefined && pinned.state !== 'tainted') return readBundle(signed, trustDomain, [pinned.certificate]);
  throw new MeshError('FOREIGN_AUTHORITY', `the Trust Fabric at ${formatAddress(address)} ${pinned === undefined ? 'is not that of the authority that made the token' : 'has another authority now than the one that made the token'}`, {
    given: parseBundle(signed).claim.authorities.map((authority) => authority.pin).join(', '),
    expected: `an authority whose key has the SHA-256 ${pin}`,
    todo: pinned === undefined ? 'name the node where the token was made, or make a token there' : 'make another token: `mesh token create`',
  });
}

/**
 * Has a key certified. @throws MeshError NODE_UNREACHABLE, FOREIGN_AUTHORITY, as `verifyChain` about the Fabric and about what it
 * issued, and what the Fabric says
 */
export async function attest({ address, bundle, request, evidence }: AttestOptions): Promise<Attested> {
  const remote = formatAddress(address);
  const connection = new FabricConnection(remote, bundle);
  const client = new Client(remote, connection.credentials, CHANNEL_OPTIONS);
  const { path, requestSerialize, responseDeserialize } = protos.TrustService.service.Attest;
  const call: ClientDuplexStream<AttestRequest, AttestReply__Output> = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, { deadline: Date.now() + ATTEST_TIMEOUT_MS });
  try {
    const replies = repliesOf(call, (error) => connection.fault ?? errorFromStatus(error, `the Trust Fabric at ${remote}`));
    const begin: Begin = { method: evidence.kind satisfies AttestMethod, request: request.request, nonce: randomBytes(NONCE_BYTES) };
    call.write({ begin: { method: begin.method, request: Buffer.from(begin.request), nonce: Buffer.from(begin.nonce), atMs: systemClock.wallNow() } });
    const { challenge } = await replies.next();
    const leaf = connection.leaf?.raw;
    if (!challenge || leaf === undefined) throw outOfOrder(remote);
    checkChallenge(bundle.authorities, begin, challenge.nonce, leaf, challenge.signature);
    const signature = signProof(evidence.kind === 'join_token' ? request.key : evidence.svid.key, begin, challenge.nonce, leaf);
    call.write({ proof: { signature, ...sent(evidence) } });
    const { issued } = await replies.next();
    if (!issued?.chain || !issued.bundle) throw outOfOrder(remote);
    return { identity: identityOf(issued.chain.certificates, issued.bundle, request, bundle), gossipKeys: issued.gossipKeys, gossipRing: fromSent(issued.gossipRing), gossipSeeds: issued.gossipSeeds };
  } finally {
    call.cancel();
    client.close();
    connection.close();
  }
}

function sent(evidence: Evidence): Pick<NonNullable<AttestRequest['proof']>, 'tokenSecret' | 'chain' | 'workload'> {
  if (evidence.kind === 'join_token') return { tokenSecret: Buffer.from(evidence.secret) };
  const chain = { certificates: evidence.svid.certificates.map(({ raw }) => raw) };
  return evidence.kind === 'workload' ? { chain, workload: evidence.workload } : { chain };
}

/** The bundle comes over a connection that was proved, and may hold more authorities than before; what was issued must hold by it. */
function identityOf(
  chain: readonly Uint8Array[],
  { trustDomain, authorities }: { readonly trustDomain: string; readonly authorities: readonly Uint8Array[] },
  { key }: IdentityRequest,
  { trustDomain: expected }: Bundle,
): Identity {
  if (trustDomain !== expected) throw new MeshError('WRONG_TRUST_DOMAIN', `the Trust Fabric answered for ${trustDomain}`, { given: trustDomain, expected });
  const bundle = { trustDomain, authorities: certificatesIn(authorities) };
  const svid = pairSvid(certificatesIn(chain), key);
  verifyChain(svid.certificates, bundle, systemClock.wallNow());
  return { svid, bundle };
}

function outOfOrder(remote: string): MeshError {
  return new MeshError('MALFORMED', `the Trust Fabric at ${remote} answered out of order`, { todo: 'see that both are of the same release of mesh' });
}

function repliesOf(call: ClientDuplexStream<AttestRequest, AttestReply__Output>, faultOf: (error: StatusObject) => MeshError): { next(): Promise<AttestReply__Output> } {
  const waiting: AttestReply__Output[] = [];
  let heard: { readonly resolve: (reply: AttestReply__Output) => void; readonly reject: (fault: MeshError) => void } | undefined;
  let fault: MeshError | undefined;
  call.on('data', (reply: AttestReply__Output) => {
    if (heard === undefined) waiting.push(reply);
    else heard.resolve(reply);
    heard = undefined;
  });
  // Its status says the same, and comes also when there is no error.
  call.on('error', () => undefined);
  call.on('status', (status) => {
    fault = status.code === Status.OK ? new MeshError('SESSION_CLOSED', 'the Trust Fabric ended the exchange', { todo: 'try again' }) : faultOf(status);
    heard?.reject(fault);
  });
  return {
    next: () => {
      const reply = waiting.shift();
      if (reply !== undefined) return Promise.resolve(reply);
      if (fault !== undefined) return Promise.reject(fault);
      return new Promise((resolve, reject) => (heard = { resolve, reject }));
    },
  };
}
