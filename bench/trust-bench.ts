/**
 * `npm run bench:trust`: what TLS with certificates at both ends costs, and certificates that change under traffic.
 */
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { parseAddress } from '../src/address.ts';
import { DialSocket } from '../src/transport/dial-socket.ts';
import type { FrameStream } from '../src/transport/frame-stream.ts';
import type { PeerFrame, PeerFrame__Output } from '../src/transport/generated/omega/mesh/v1/PeerFrame.ts';
import { dialPeer } from '../src/transport/grpc-client.ts';
import { CHANNEL_OPTIONS, SERVER_OPTIONS } from '../src/transport/grpc-options.ts';
import { createMeshServer } from '../src/transport/grpc-server.ts';
import { OpenSessions } from '../src/transport/open-sessions.ts';
import { PEER_SESSION, peerService } from '../src/transport/peer-service.ts';
import type { MeshTls } from '../src/transport/tls.ts';
import { issueSvid, makeAuthority, makeRequest } from '../src/trust/authority.ts';
import type { Authority } from '../src/trust/authority.ts';
import { activeOf, soleAuthority, statesOf, withActivated, withPrepared, withRevoked, withTainted } from '../src/trust/authority-set.ts';
import type { AuthoritySet } from '../src/trust/authority-set.ts';
import { BundleKeeper } from '../src/trust/bundle-keeper.ts';
import { holdIdentity } from '../src/trust/identity-source.ts';
import type { HeldIdentity, Identity } from '../src/trust/identity-source.ts';
import { signBundle } from '../src/trust/signed-bundle.ts';
import type { HeldBundle } from '../src/trust/signed-bundle.ts';
import { pairSvid } from '../src/trust/svid.ts';
import { benchOptions } from './options.ts';
import { median } from './rounds.ts';

type PeerStream = FrameStream<PeerFrame, PeerFrame__Output>;

const { ttlMs, rotations, callsPerS, streams: streamCount } = benchOptions(
  'bench:trust',
  'What certificates at both ends cost, and certificates that change under traffic.',
  { ttlMs: 120_000, rotations: 10, callsPerS: 1_000, streams: 20 },
  { ttlMs: 'how long a certificate holds', rotations: 'of both certificates, at half of that', callsPerS: 'unary calls a second meanwhile', streams: 'both ways, meanwhile' },
);

const MESSAGES = 5_000;
const MESSAGE = { bus: { message: { subject: 'bench', payload: Buffer.alloc(256) } } } satisfies PeerFrame;
const HANDSHAKES = 100;
const ROUNDS = 5;
const TICK_MS = 20;

interface End extends MeshTls {
  readonly identity: HeldIdentity;
}

async function issued(authority: Authority, believed: readonly Authority[], name: string): Promise<Identity> {
  const { key, request } = await makeRequest();
  const id = { trustDomain: 'bench.test', kind: 'node', name } as const;
  const leaf = await issueSvid(authority, request, { id, ttlMs }, Date.now());
  return { svid: pairSvid([leaf], key), bundle: { trustDomain: 'bench.test', authorities: believed.map(({ certificate }) => certificate) } };
}

async function end(authority: Authority, name: string): Promise<End> {
  return { identity: holdIdentity(await issued(authority, [authority], name)), pq: 'prefer', sessions: new OpenSessions() };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function cpuUs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** CPU of both ends for one message of 256 bytes, one to a frame, from one client. */
async function cpuPerMessage(target: string, channel: ChannelCredentials, heard: () => number): Promise<number> {
  const client = new Client(target, channel, CHANNEL_OPTIONS);
  const call = client.makeBidiStreamRequest(PEER_SESSION.path, PEER_SESSION.requestSerialize, PEER_SESSION.responseDeserialize);
  call.on('data', () => undefined).on('error', () => undefined);
  const run = async (count: number): Promise<void> => {
    const until = heard() + count;
    for (let i = 0; i < count; i++) if (!call.write(MESSAGE)) await new Promise((resolve) => call.once('drain', resolve));
    while (heard() < until) await pause(1);
  };
  await run(MESSAGES / 10);
  const before = process.cpuUsage();
  await run(MESSAGES);
  const perMessage = cpuUs(before) / MESSAGES;
  call.cancel();
  client.close();
  return perMessage;
}

async function costs(near: End, far: End): Promise<void> {
  let heard = 0;
  const service = peerService((stream) => stream.onFrame(() => heard++));
  const plain = new Server(SERVER_OPTIONS);
  plain.addService(service.definition, service.implementation);
  const port = await new Promise<number>((resolve, reject) => plain.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  const secure = await createMeshServer({ host: '127.0.0.1', port: 0 }, [service], far);
  const channel = (): ChannelCredentials => new DialSocket(secure.address, { kind: 'node', name: 'far' }, near).credentials;
  const rounds: { readonly plain: number; readonly tls: number }[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    rounds.push({ plain: await cpuPerMessage(`127.0.0.1:${port}`, credentials.createInsecure(), () => heard), tls: await cpuPerMessage(secure.address, channel(), () => heard) });
  }
  const [inClear, overTls] = [median(rounds.map((round) => round.plain)), median(rounds.map((round) => round.tls))];
  say(`CPU of both ends for a message of 256 bytes: ${inClear.toFixed(1)} µs in the clear, ${overTls.toFixed(1)} µs over TLS with certificates (× ${(overTls / inClear).toFixed(2)})`);
  const before = process.cpuUsage();
  for (let i = 0; i < HANDSHAKES; i++) await stood(dialPeer(parseAddress(secure.address, 0), 'far', { tls: near }));
  say(`CPU of both ends for a session that opens and closes: ${(cpuUs(before) / HANDSHAKES / 1_000).toFixed(2)} ms`);
  await secure.close(0);
  plain.forceShutdown();
}

async function stood(stream: PeerStream): Promise<void> {
  const closed = new Promise((resolve) => stream.onClosed(resolve));
  stream.close();
  await closed;
}

async function issuing(authority: Authority): Promise<void> {
  const startedAt = performance.now();
  for (let i = 0; i < 100; i++) await issued(authority, [authority], 'n1');
  say(`identities issued, each with a new key and a request: ${(100_000 / (performance.now() - startedAt)).toFixed(0)} per second`);
}

/** One end of a stream: what it sends is numbered, and what it hears should be. */
class StreamEnd {
  sent = 0;
  heard = 0;
  disordered = 0;
  readonly #stream: PeerStream;

  constructor(stream: PeerStream, note: (fault: string) => void) {
    this.#stream = stream;
    stream.onFrame(({ ping }) => {
      this.heard++;
      if (ping?.sequence !== this.heard) this.disordered++;
    });
    stream.onClosed((fault) => note(`a stream ended: ${fault?.message ?? 'well'}`));
  }

  send(): void {
    if (this.#stream.send({ ping: { sequence: this.sent + 1 } }) === 'accepted') this.sent++;
  }

  close(): void {
    this.#stream.close();
  }
}

/** As `mesh trust authority` has it: prepare, activate, taint, revoke. */
const CHANGE: readonly ((set: AuthoritySet, young: Authority) => AuthoritySet)[] = [withPrepared, withActivated, withTainted, (set) => withRevoked(set, [])];

/** The bundle of a set, signed with all that is in it. */
function documentOf(set: AuthoritySet): HeldBundle {
  return signBundle({ ...set, authorities: statesOf(set) }, set.authorities);
}

async function rotation(old: Authority, young: Authority): Promise<void> {
  let set = soleAuthority(old);
  const following = async (name: string): Promise<End & { readonly bundles: BundleKeeper }> => {
    const tls = await end(old, name);
    const bundles = new BundleKeeper({ held: tls.identity, first: documentOf(set), keep: () => undefined, notKept: () => undefined });
    return { ...tls, bundles, isTainted: (pin) => bundles.stateOf(pin) === 'tainted' };
  };
  const [near, far] = [await following('near'), await following('far')];
  const faults = new Map<string, number>();
  const note = (message: string): void => void faults.set(message, (faults.get(message) ?? 0) + 1);
  const ends: StreamEnd[] = [];
  const server = await createMeshServer({ host: '127.0.0.1', port: 0 }, [peerService((stream) => void ends.push(new StreamEnd(stream, note)))], far);
  for (let i = 0; i < streamCount; i++) ends.push(new StreamEnd(dialPeer(parseAddress(server.address, 0), 'far', { tls: near }), note));
  const client = new Client(server.address, new DialSocket(server.address, { kind: 'node', name: 'far' }, near).credentials, { ...CHANNEL_OPTIONS, 'grpc.enable_retries': 1 });
  const same = (bytes: Buffer): Buffer => bytes;
  const serials = new Set<string>();
  const count = { calls: 0, failed: 0, waiting: 0, rotated: 0, due: 0 };
  const call = (): void => {
    count.waiting++;
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), { deadline: Date.now() + 10_000 }, (error) => {
      count.waiting--;
      count.calls++;
      if (error === null) return;
      count.failed++;
      note(error.message);
    });
  };
  const rotate = async (): Promise<void> => {
    count.rotated++;
    // Half of the way through, the authority changes too, step by step: by the bundle that both ends are told.
    const step = CHANGE[count.rotated - Math.floor(rotations / 2)];
    if (step !== undefined) set = step(set, young);
    for (const [{ identity, bundles }, name] of [[near, 'near'], [far, 'far']] as const) {
      if (step !== undefined) bundles.offer(documentOf(set).signed);
      identity.replace({ ...(await issued(activeOf(set), [], name)), bundle: identity.current().bundle });
    }
  };
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  const before = process.cpuUsage();
  while (count.rotated < rotations || seconds() < ((rotations + 1) * ttlMs) / 2_000) {
    if (seconds() * 1_000 > ((count.rotated + 1) * ttlMs) / 2 && count.rotated < rotations) await rotate();
    for (; count.due < seconds() * callsPerS && count.waiting < callsPerS; count.due++) call();
    for (const each of ends) each.send();
    for (const { caller } of near.sessions.list()) serials.add(caller.serial);
    await pause(TICK_MS);
  }
  const took = seconds();
  while (count.waiting > 0) await pause(TICK_MS);
  await pause(1_000);
  const sum = (of: 'sent' | 'heard' | 'disordered'): number => ends.reduce((total, each) => total + each[of], 0);
  const missing = sum('sent') - sum('heard');
  say(`${count.rotated} rotations of both certificates (TTL ${ttlMs / 1_000} s) and one change of the authority in ${took.toFixed(0)} s:`);
  say(`  ${count.calls} calls, ${(count.calls / took).toFixed(0)} per second, ${count.failed} failed`);
  say(`  ${ends.length / 2} streams both ways, ${sum('heard')} messages, ${missing} lost, ${sum('disordered')} out of order`);
  say(`  ${serials.size} certificates of the server seen; ${((cpuUs(before) / 1e6 / took) * 100).toFixed(0)} % of a core for both ends`);
  for (const [message, count] of faults) say(`  ${count} × ${message}`);
  process.exitCode = count.failed + missing + faults.size === 0 ? 0 : 1;
  client.close();
  for (const each of ends) each.close();
  await server.close(0);
}

const [authority, next] = [await makeAuthority('bench.test', Date.now()), await makeAuthority('bench.test', Date.now())];
say(`Node.js ${process.version}, ${process.platform} ${process.arch}`);
await issuing(authority);
await costs(await end(authority, 'near'), await end(authority, 'far'));
await rotation(authority, next);
