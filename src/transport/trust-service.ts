/** What a Trust Fabric is asked: proto to an exchange, a bundle and back. */
import type { handleBidiStreamingCall, handleServerStreamingCall, handleUnaryCall, ServerDuplexStream } from '@grpc/grpc-js';
import { systemClock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import type { Attestation, Issued } from '../trust/fabric.ts';
import { toSent } from '../trust/gossip-ring.ts';
import type { BanEntry } from '../trust/ban-entry.ts';
import type { SignedBundle } from '../trust/signed-bundle.ts';
import { bundleMessage } from './bundle-message.ts';
import type { AttestIssued } from './generated/omega/mesh/v1/AttestIssued.ts';
import type { AttestReply } from './generated/omega/mesh/v1/AttestReply.ts';
import type { AttestRequest__Output } from './generated/omega/mesh/v1/AttestRequest.ts';
import type { BanEntries } from './generated/omega/mesh/v1/BanEntries.ts';
import type { BanEntry as BanEntryMessage } from './generated/omega/mesh/v1/BanEntry.ts';
import type { ListBanEntriesRequest__Output } from './generated/omega/mesh/v1/ListBanEntriesRequest.ts';
import type { GetBundleRequest__Output } from './generated/omega/mesh/v1/GetBundleRequest.ts';
import type { SignedBundle as SignedBundleMessage } from './generated/omega/mesh/v1/SignedBundle.ts';
import { statusFromError } from './grpc-status.ts';
import { protos } from './proto.ts';
import type { MeshService } from './session-service.ts';

/** An exchange is two round trips and some signing. Who needs longer holds a place for nothing. */
const EXCHANGE_TIMEOUT_MS = 10_000;
/** At a time. Each costs some milliseconds of a core; a mesh of a thousand that starts at once waits for its turn. */
const EXCHANGES_MAX = 128;

/** Each holds a connection for as long as it likes, and of those there are 512. */
const WATCHES_MAX = 256;
/** Some 64 KiB. */
const ENTRIES_OF_MESSAGE = 64;

type Call = ServerDuplexStream<AttestRequest__Output, AttestReply>;

export interface TrustHandler {
  /** The exchange on the connection with this host and port; undefined when there is none any more. */
  readonly exchangeFor: (peer: string) => Attestation | undefined;
  /** Why who is at the other end of that connection may not ask what only members may; undefined for a member. */
  readonly membershipFault: (peer: string) => MeshError | undefined;
  readonly bans: () => Promise<readonly BanEntry[]>;
  readonly bundle: () => SignedBundle;
  /** Tells of each that takes its place; the answer ends that. */
  readonly onBundle: (heard: () => void) => () => void;
}

/** @param onBug hears of everything thrown that is no MeshError */
export function trustService({ exchangeFor, membershipFault, bans, bundle, onBundle }: TrustHandler, onBug: (error: unknown) => void): MeshService {
  let open = 0;
  let watches = 0;
  const attest: handleBidiStreamingCall<AttestRequest__Output, AttestReply> = (call) => {
    let isOver = false;
    const fail = (fault: MeshError): void => {
      if (isOver) return;
      isOver = true;
      call.emit('error', statusFromError(fault));
    };
    if (open >= EXCHANGES_MAX) return fail(new MeshError('OVERLOADED', 'the Trust Fabric has its hands full', { expected: `at most ${EXCHANGES_MAX} at a time`, todo: 'try again shortly' }));
    const exchange = exchangeFor(call.getPeer());
    // Closed between the call and this turn.
    if (exchange === undefined) return fail(new MeshError('SESSION_CLOSED', 'the connection has ended'));
    open++;
    const timeout = systemClock.setTimer(EXCHANGE_TIMEOUT_MS, () => fail(new MeshError('REFUSED', `the attestation was not over after ${EXCHANGE_TIMEOUT_MS} ms`, { todo: 'try again' })));
    call.once('close', () => {
      open--;
      timeout.cancel();
    });
    run(call, exchange).then(
      () => {
        if (!isOver) call.end();
        isOver = true;
      },
      (error: unknown) => {
        if (!(error instanceof MeshError)) onBug(error);
        fail(error instanceof MeshError ? error : new MeshError('INTERNAL', 'the Trust Fabric failed over this', { todo: 'its log says more' }));
      },
    );
  };
  const getBundle: handleUnaryCall<GetBundleRequest__Output, SignedBundleMessage> = (_call, callback) => callback(null, bundleMessage(bundle()));
  const watchBundle: handleServerStreamingCall<GetBundleRequest__Output, SignedBundleMessage> = (call) => {
    const full = watches < WATCHES_MAX ? undefined : new MeshError('OVERLOADED', `${WATCHES_MAX} watch the bundle here`, { todo: 'ask for it now and then' });
    const fault = membershipFault(call.getPeer()) ?? full;
    if (fault !== undefined) return void call.emit('error', statusFromError(fault));
    watches++;
    // Of those that are not read yet the last one is enough, but they come a few times a year.
    const tell = (): void => void call.write(bundleMessage(bundle()));
    const forget = onBundle(tell);
    call.once('close', () => {
      watches--;
      forget();
    });
    tell();
  };
  const listBans: handleServerStreamingCall<ListBanEntriesRequest__Output, BanEntries> = (call) => {
    const fault = membershipFault(call.getPeer());
    if (fault !== undefined) return void call.emit('error', statusFromError(fault));
    bans().then(
      (entries) => {
        for (let at = 0; at < entries.length; at += ENTRIES_OF_MESSAGE) call.write({ entries: entries.slice(at, at + ENTRIES_OF_MESSAGE).map(banMessage) });
        call.end();
      },
      (error: unknown) => {
        if (!(error instanceof MeshError)) onBug(error);
        call.emit('error', statusFromError(error instanceof MeshError ? error : new MeshError('INTERNAL', 'the ban list could not be told', { todo: 'the log of the node says more' })));
      },
    );
  };
  return { definition: protos.TrustService.service, implementation: { Attest: attest, GetBundle: getBundle, WatchBundle: watchBundle, ListBans: listBans } };
}

function banMessage({ body, chain, signature }: BanEntry): BanEntryMessage {
  return { body: Buffer.from(body), chain: chain.map((der) => Buffer.from(der)), signature: Buffer.from(signature) };
}

async function run(call: Call, exchange: Attestation): Promise<void> {
  const requests = requestsOf(call);
  const { begin } = await requests.next();
  if (!begin) throw outOfOrder('begin');
  call.write({ challenge: exchange.begin(begin) });
  const { proof } = await requests.next();
  if (!proof) throw outOfOrder('proof');
  const { signature, tokenSecret = Buffer.alloc(0), chain, workload } = proof;
  call.write({ issued: asMessage(await exchange.prove({ signature, secret: tokenSecret, chain: chain?.certificates ?? [], workload })) });
}

function outOfOrder(expected: string): MeshError {
  return new MeshError('MALFORMED', 'an attestation out of order', { expected: `${expected} first` });
}

/** One at a time; an iterator of the stream would end the call when it is let go of. */
function requestsOf(call: Call): { next(): Promise<AttestRequest__Output> } {
  const waiting: AttestRequest__Output[] = [];
  let heard: ((request: AttestRequest__Output) => void) | undefined;
  call.on('data', (request: AttestRequest__Output) => {
    if (heard === undefined) waiting.push(request);
    else heard(request);
    heard = undefined;
    // Two are all there are; what more is sent is not read.
    if (waiting.length > 1) call.pause();
  });
  call.on('error', () => undefined);
  return { next: () => (waiting.length > 0 ? Promise.resolve(waiting.shift()!) : new Promise((resolve) => (heard = resolve))) };
}

function asMessage({ certificates, bundle, gossipKeys, gossipRing, gossipSeeds }: Issued): AttestIssued {
  return {
    chain: { certificates: certificates.map(({ raw }) => raw) },
    bundle: { trustDomain: bundle.trustDomain, authorities: bundle.authorities.map(({ raw }) => raw) },
    gossipKeys: gossipKeys.map((key) => Buffer.from(key)),
    gossipRing: toSent(gossipRing),
    gossipSeeds: [...gossipSeeds],
  };
}
