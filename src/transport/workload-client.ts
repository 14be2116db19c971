/** The asking side of the SPIFFE Workload API: the identity of a node or an agent from SPIRE's agent, or from a node beside it. */
import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Client, credentials, Metadata, status as Status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { systemClock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import { certificatesIn } from '../trust/attestation.ts';
import { concatenated } from '../trust/certificate-fields.ts';
import type { Identity } from '../trust/identity-source.ts';
import type { SpiffeId } from '../trust/spiffe-id.ts';
import { pairSvid, verifyChain } from '../trust/svid.ts';
import type { X509SVIDResponse__Output } from './generated/X509SVIDResponse.ts';
import { CHANNEL_OPTIONS } from './grpc-options.ts';
import { errorFromStatus } from './grpc-status.ts';
import { spiffeWorkloadApi } from './proto.ts';

/** Whose identity is asked for: a Workload API may have others for the same program. */
export type Asked = Pick<SpiffeId, 'kind' | 'name'>;

export interface SvidListener {
  /** At once, and whenever it changes. */
  told(identity: Identity): void;
  /** Once, and nothing after it. */
  ended(fault: MeshError): void;
}

/** Unix sockets answer at once or not at all; an agent that starts may have to ask its server first. */
const FIRST_TIMEOUT_MS = 5_000;
const RETRY_MS = 500;

/**
 * Follows an identity over a Workload API.
 * @param socket absolute path
 * @returns ends it
 */
export function followSvid(socket: string, asked: Asked, { told, ended }: SvidListener): () => void {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), CHANNEL_OPTIONS);
  const metadata = new Metadata();
  metadata.set('workload.spiffe.io', 'true');
  const { path, requestSerialize, responseDeserialize } = spiffeWorkloadApi.service.FetchX509SVID;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, metadata);
  let isOver = false;
  const end = (fault?: MeshError): void => {
    if (isOver) return;
    isOver = true;
    call.cancel();
    client.close();
    if (fault !== undefined) ended(fault);
  };
  call.on('data', (response: X509SVIDResponse__Output) => {
    if (isOver) return;
    try {
      told(identityIn(response, asked, socket));
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      end(error);
    }
  });
  call.on('end', () => end(new MeshError('NODE_UNREACHABLE', `the Workload API on ${socket} ended the stream`, { given: socket })));
  call.on('error', (error) => end(faultOf(error as ServiceError, socket, asked)));
  return () => end();
}

/** An agent that starts, or that has not heard yet of what was registered, has nothing to give for a moment. */
export function isPassing(error: unknown): error is MeshError {
  return error instanceof MeshError && (error.code === 'NODE_UNREACHABLE' || error.code === 'REFUSED');
}

/**
 * The first one. Waits up to `patienceMs` for somebody to answer: machines start their services in any order.
 * @throws MeshError what the last attempt ended with
 */
export async function firstSvid(socket: string, asked: Asked, patienceMs: number): Promise<Identity> {
  const giveUpAtMs = systemClock.now() + patienceMs;
  for (;;) {
    try {
      // One after the other is what is meant.
      // oxlint-disable-next-line no-await-in-loop
      return await firstOf(socket, asked);
    } catch (error) {
      if (!isPassing(error) || systemClock.now() >= giveUpAtMs) throw error;
      // oxlint-disable-next-line no-await-in-loop
      await new Promise<void>((resolve) => void systemClock.setTimer(RETRY_MS, resolve));
    }
  }
}

function firstOf(socket: string, asked: Asked): Promise<Identity> {
  return new Promise((resolve, reject) => {
    const late = (): void => {
      stop();
      reject(new MeshError('NODE_UNREACHABLE', `the Workload API on ${socket} does not answer`, { given: socket, todo: 'see what listens there' }));
    };
    const timeout = systemClock.setTimer(FIRST_TIMEOUT_MS, late);
    const stop = followSvid(socket, asked, {
      told: (identity) => {
        timeout.cancel();
        stop();
        resolve(identity);
      },
      ended: (fault) => {
        timeout.cancel();
        reject(fault);
      },
    });
  });
}

function identityIn({ svids }: X509SVIDResponse__Output, { kind, name }: Asked, socket: string): Identity {
  const found = svids.find(({ spiffeId }) => {
    const [, ofKind, ofName] = /^spiffe:\/\/[^/]+\/([^/]+)\/([^/]+)$/.exec(spiffeId) ?? [];
    return ofKind === kind && ofName === name;
  });
  if (found === undefined) {
    const given = svids.map(({ spiffeId }) => spiffeId).join(', ').slice(0, 300);
    throw new MeshError('WRONG_IDENTITY', `the Workload API on ${socket} has no identity of the ${kind} ${name}: it gives ${given === '' ? 'none' : given}`, {
      given,
      expected: `spiffe://<trust domain>/${kind}/${name}`,
      todo: `register it under that path (SPIRE: an entry with -spiffeID spiffe://<trust domain>/${kind}/${name}; a node: \`mesh workload add ${kind}/${name}\`), or start with the name that it has`,
    });
  }
  const svid = pairSvid(certificatesIn(concatenated(found.x509Svid)), keyIn(found.x509SvidKey));
  const bundle = { trustDomain: svid.id.trustDomain, authorities: certificatesIn(concatenated(found.bundle)) };
  verifyChain(svid.certificates, bundle, systemClock.wallNow());
  return { svid, bundle };
}

function keyIn(der: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    // Without its cause: errors of parsers may show what they parsed.
    throw new MeshError('MALFORMED', 'the key that came with the identity is none', { expected: 'PKCS #8, DER, not encrypted' });
  }
}

function faultOf(error: ServiceError, socket: string, { kind, name }: Asked): MeshError {
  const from = `the Workload API on ${socket}`;
  const fault = errorFromStatus(error, from);
  const parts = { given: socket, cause: error };
  if (error.code === Status.PERMISSION_DENIED && fault.code === 'REFUSED') {
    return new MeshError('REFUSED', `${from} has no identity for this program: ${error.details}`, { ...parts, todo: `register it there as spiffe://<trust domain>/${kind}/${name}` });
  }
  if (error.code === Status.UNAVAILABLE && fault.message.startsWith(from)) {
    return new MeshError('NODE_UNREACHABLE', `no Workload API answers on ${socket}`, { ...parts, expected: 'a socket of SPIRE’s agent, or one that `mesh workload list` shows', todo: 'see that it runs, and that this user may open the socket' });
  }
  return fault;
}
