/** The SPIFFE Workload API, X.509 profile: proto to whoever has the identity. One server is one workload: its socket says who asks. */
import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { MeshError } from '../errors.ts';
import type { Identity } from '../trust/identity-source.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import type { X509BundlesResponse } from './generated/X509BundlesResponse.ts';
import type { X509SVIDResponse } from './generated/X509SVIDResponse.ts';
import { statusFromError } from './grpc-status.ts';
import { Outbox } from './outbox.ts';
import type { OutboxLimits } from './outbox.ts';
import { spiffeWorkloadApi } from './proto.ts';
import { asBytes } from './session-service.ts';
import type { MeshService } from './session-service.ts';

/** A program that asked who it is, and is told again whenever that changes. */
export interface WorkloadStream {
  send(identity: Identity): void;
  close(fault: MeshError): void;
  /** Called once, when the stream has ended, whoever ended it. */
  onClosed(listener: () => void): void;
}

/** A program has one or two, for itself and whom it believes; this is room for a few dozen processes of it. */
const STREAMS_MAX = 64;
/** Who has not read the last ones in hours reads nothing. */
const OUTBOX: OutboxLimits = { framesMax: 4, bytesMax: 256 * 1024 };
/** Workload Endpoint standard, section 3: that a browser or a proxy was made to ask is found out by this. */
const HEADER = 'workload.spiffe.io';

export function workloadService(onStream: (stream: WorkloadStream) => void): MeshService {
  const { FetchX509SVID, FetchX509Bundles } = spiffeWorkloadApi.service;
  let open = 0;
  const serving = <Message>(encode: (message: Message) => Buffer, messageOf: (identity: Identity) => Message): handleServerStreamingCall<unknown, Buffer> => {
    return (call) => {
      const fault = faultOf(call, open);
      if (fault !== undefined) {
        call.emit('error', statusFromError(fault));
        return;
      }
      open++;
      const closed = new Promise<void>((resolve) => void call.once('close', resolve));
      void closed.then(() => open--);
      onStream(streamOf(call, closed, (identity) => encode(messageOf(identity))));
    };
  };
  return {
    definition: { FetchX509SVID: { ...FetchX509SVID, responseSerialize: asBytes }, FetchX509Bundles: { ...FetchX509Bundles, responseSerialize: asBytes } },
    implementation: {
      FetchX509SVID: serving(FetchX509SVID.responseSerialize, svidMessage),
      FetchX509Bundles: serving(FetchX509Bundles.responseSerialize, bundlesMessage),
    },
  };
}

function faultOf(call: ServerWritableStream<unknown, Buffer>, open: number): MeshError | undefined {
  if (!call.metadata.get(HEADER).includes('true')) {
    return new MeshError('BAD_ARGUMENT', `the metadata ${HEADER}: true is missing`, { expected: `${HEADER}: true, as SPIFFE's Workload Endpoint standard demands it` });
  }
  return open < STREAMS_MAX ? undefined : new MeshError('OVERLOADED', `${open} streams are open over this socket`, { expected: `at most ${STREAMS_MAX}`, todo: 'keep one a process' });
}

function streamOf(call: ServerWritableStream<unknown, Buffer>, closed: Promise<void>, encode: (identity: Identity) => Buffer): WorkloadStream {
  const outbox = new Outbox(call, OUTBOX);
  let isOpen = true;
  const ended = Promise.race([closed, new Promise<void>((resolve) => void call.once('cancelled', resolve))]).then(() => {
    isOpen = false;
  });
  const close = (fault: MeshError): void => {
    if (!isOpen) return;
    isOpen = false;
    call.emit('error', statusFromError(fault));
  };
  return {
    send: (identity) => {
      if (isOpen && outbox.offer(encode(identity)) === 'full') close(new MeshError('OVERLOADED', 'what was sent before has not been read', { todo: 'ask again' }));
    },
    close,
    onClosed: (listener) => void ended.then(listener),
  };
}

function svidMessage({ svid, bundle }: Identity): X509SVIDResponse {
  const { id, certificates, key } = svid;
  return {
    svids: [
      {
        spiffeId: formatSpiffeId(id),
        x509Svid: ders(certificates),
        x509SvidKey: key.export({ type: 'pkcs8', format: 'der' }),
        bundle: ders(bundle.authorities),
      },
    ],
  };
}

function bundlesMessage({ bundle }: Identity): X509BundlesResponse {
  return { bundles: { [`spiffe://${bundle.trustDomain}`]: ders(bundle.authorities) } };
}

function ders(certificates: Identity['bundle']['authorities']): Buffer {
  return Buffer.concat(certificates.map(({ raw }) => raw));
}
