/** TLS of an identity: 1.3 only, and both ends with a certificate in which OpenSSL and we find no fault. */
import type { X509Certificate } from 'node:crypto';
import { connect, createSecureContext } from 'node:tls';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import { systemClock } from '../clock.ts';
import type { Pq } from '../config/trust-keys.ts';
import { MeshError } from '../errors.ts';
import { issuingPin } from '../trust/bundle.ts';
import type { Identity, IdentitySource } from '../trust/identity-source.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import type { SpiffeId } from '../trust/spiffe-id.ts';
import { CHAIN_LENGTH_MAX } from '../trust/svid.ts';
import { callerOf } from './caller.ts';
import type { Caller } from './caller.ts';
import type { OpenSessions } from './open-sessions.ts';
import { tlsGroupOf } from './tls-group.ts';

/** What every listener and channel of one program shares. */
export interface MeshTls {
  readonly identity: IdentitySource;
  readonly pq: Pq;
  readonly sessions: OpenSessions;
  /** Whether somebody whose certificate is good may speak all the same; asked at every connection and every call. */
  readonly admits?: (caller: Caller) => MeshError | undefined;
  /** Hears that a node has refused this identity as evicted: it is to attest again. */
  readonly onEvicted?: () => void;
  /** Whether what this authority issued, by its pin, is being replaced: sessions with such a certificate move soon. */
  readonly isTainted?: (authority: string) => boolean;
}

/** Whom a channel is meant for: a kind of member, and its name where who dials knows it. */
export type ExpectedPeer = Pick<SpiffeId, 'kind'> & { readonly name: string | undefined };

const PQ_GROUP = 'X25519MLKEM768';
/** What OpenSSL offers where it has nothing newer. */
const CLASSIC_GROUPS = 'X25519:P-256:P-384';
/** Before the group was in OpenSSL (3.5), Node has none of it. */
const PQ_NODE = 'Node.js 22.20 or later';

/** @throws MeshError PQ_UNAVAILABLE when nothing but post-quantum will do and this runtime has none of it */
export function checkPq(pq: Pq): void {
  if (pq !== 'require' || isPqAvailable()) return;
  throw new MeshError('PQ_UNAVAILABLE', `pq is require, and Node.js ${process.versions.node} with OpenSSL ${process.versions['openssl']} has no post-quantum key exchange`, {
    given: `pq: ${pq}`,
    expected: PQ_NODE,
    todo: `run it with ${PQ_NODE}, or say pq: prefer`,
  });
}

function isPqAvailable(): boolean {
  try {
    createSecureContext({ ecdhCurve: PQ_GROUP });
    return true;
  } catch {
    return false;
  }
}

export function contextOptions({ svid, bundle }: Identity, pq: Pq): SecureContextOptions {
  const { certificates, key } = svid;
  return {
    ca: bundle.authorities.map(String),
    cert: certificates.map(String).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // By default OpenSSL's own list, which begins with the hybrid group from 3.5 on.
    ...(pq === 'prefer' ? {} : { ecdhCurve: pq === 'require' ? PQ_GROUP : CLASSIC_GROUPS }),
  };
}

/**
 * Who is at the other end of a handshake that is over. What OpenSSL finds wrong it has not refused but noted: ours is asked
 * first, because it has a fault of its own for each reason, and who passes with us and not with OpenSSL does not pass.
 * @throws MeshError as `callerOf`, SVID_REFUSED, and what `admits` says
 */
export function authenticate(socket: TLSSocket, { identity, admits }: MeshTls): Caller {
  const caller = callerOf(chainOf(socket), identity.current().bundle, systemClock.wallNow(), tlsGroupOf(socket));
  if (!socket.authorized) {
    throw new MeshError('SVID_REFUSED', `OpenSSL refuses the certificate of ${formatSpiffeId(caller.id)}: ${String(socket.authorizationError)}`, { given: String(socket.authorizationError) });
  }
  const fault = admits?.(caller);
  if (fault !== undefined) throw fault;
  return caller;
}

function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  // An authority sent along with the chain is not of it, and is its own issuer.
  while (next !== undefined && chain.length < CHAIN_LENGTH_MAX && !(chain.length > 0 && next.checkIssued(next))) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

export interface Secured {
  readonly socket: TLSSocket;
  readonly caller: Caller;
  /** Which issued the certificate that was shown here, by its pin. */
  readonly ownAuthority: string;
  /** Until the first of the two certificates expires. */
  readonly validForMs: number;
}

/**
 * Speaks TLS on a socket that stands, and answers when the other end has proved to be whom we meant.
 * @throws MeshError as `authenticate`; WRONG_IDENTITY, PQ_REQUIRED, NODE_UNREACHABLE
 */
export async function secure(socket: Socket, remote: string, expected: ExpectedPeer, tls: MeshTls): Promise<Secured> {
  const own = tls.identity.current();
  const ownAuthority = issuingPin(own.svid.certificates, own.bundle) ?? '';
  const secured = await handshake(socket, remote, own, tls.pq);
  try {
    const caller = authenticate(secured, tls);
    checkExpected(caller.id, expected, remote);
    return { socket: secured, caller, ownAuthority, validForMs: Math.min(own.svid.notAfterMs, caller.notAfterMs) - systemClock.wallNow() };
  } catch (error) {
    secured.destroy();
    throw error;
  }
}

function handshake(socket: Socket, remote: string, own: Identity, pq: Pq): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secureContext = createSecureContext(contextOptions(own, pq));
    // No name is asked for and none is checked: who is meant is a SPIFFE ID, whatever host it runs on.
    const secured = connect({ socket, secureContext, ALPNProtocols: ['h2'], rejectUnauthorized: false, checkServerIdentity: () => undefined });
    const fail = (error?: Error): void => reject(handshakeFault(error, remote, pq));
    secured.once('error', fail);
    secured.once('close', () => fail());
    secured.once('secureConnect', () => resolve(secured));
  });
}

/** OpenSSL's words for what goes wrong before a certificate is seen. */
function handshakeFault(error: (Error & { readonly code?: string }) | undefined, remote: string, pq: Pq): MeshError {
  const parts = { given: remote, cause: error };
  const code = error?.code ?? '';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return new MeshError('NODE_UNREACHABLE', `${remote} does not speak TLS`, { ...parts, expected: 'a node of this release', todo: 'see what listens there' });
  }
  if (code.endsWith('ALERT_HANDSHAKE_FAILURE')) {
    const message = pq === 'require' ? `${remote} has no post-quantum key exchange, and pq is require here` : `${remote} takes no key exchange that this program has`;
    return new MeshError('PQ_REQUIRED', message, { ...parts, expected: PQ_NODE, todo: `run both with ${PQ_NODE}, or say pq: prefer on both` });
  }
  return new MeshError('NODE_UNREACHABLE', `${remote} broke off before it had shown who it is`, { ...parts, todo: 'its log says why' });
}

function checkExpected(id: SpiffeId, { kind, name }: ExpectedPeer, remote: string): void {
  if (id.kind === kind && (name === undefined || id.name === name)) return;
  const given = formatSpiffeId(id);
  throw new MeshError('WRONG_IDENTITY', `${remote} is ${given}, and ${name === undefined ? `a ${kind}` : `${kind} ${name}`} was meant`, {
    given,
    expected: `${kind}${name === undefined ? '' : ` ${name}`}`,
    todo: 'see what runs there, and under whose name',
  });
}
