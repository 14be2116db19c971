/** Who a node is, and what of it everything that speaks TLS shares. */
import type { X509Certificate } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import type { MeshParts } from './actors/tree.ts';
import type { SvidWatchOptions } from './actors/trust/svid-watch-actor.ts';
import { formatAddress } from './address.ts';
import type { Clock } from './clock.ts';
import { authorityDir, trustDir } from './config/home-path.ts';
import type { Config } from './config/config.ts';
import type { AuditLog } from './data-dir/audit-log.ts';
import { workloadFile } from './data-dir/workload-file.ts';
import { MeshError } from './errors.ts';
import { handedKeys, ringDirOf } from './node-keys.ts';
import type { Logger } from './log.ts';
import { isLoopback } from './loopback.ts';
import { systemRandom } from './random.ts';
import { createFabricServer } from './transport/fabric-server.ts';
import type { MeshServer } from './transport/grpc-server.ts';
import { OpenSessions } from './transport/open-sessions.ts';
import { attestWorkload, renewJoined } from './transport/renew.ts';
import { checkPq } from './transport/tls.ts';
import type { MeshTls } from './transport/tls.ts';
import { readBan, signBan, type BanEntry } from './trust/ban-entry.ts';
import { banFile } from './trust/ban-files.ts';
import { banGate } from './trust/ban-gate.ts';
import type { BanGate } from './trust/ban-gate.ts';
import { AuthorityStore } from './trust/authority-files.ts';
import { issuerOf } from './trust/authority-set.ts';
import { openBundles } from './trust/bundle-file.ts';
import type { BundleKeeper } from './trust/bundle-keeper.ts';
import { keyPin } from './trust/bundle.ts';
import { canSignGossip, gossipKeyId } from './trust/gossip-signature.ts';
import { TrustFabric, type AttestOutcome } from './trust/fabric.ts';
import { TRUST_PORT_DEFAULT } from './trust/fabric-file.ts';
import { writeIdentity } from './trust/identity-files.ts';
import { holdIdentity, holdSvid, type HeldIdentity, type Identity } from './trust/identity-source.ts';
import { issueOwn, localTrustDomain, ownIdentity } from './trust/own-identity.ts';
import type { Ring } from './trust/gossip-ring.ts';
import { formatSpiffeId } from './trust/spiffe-id.ts';
import { readCertificates, validity, verifyChain } from './trust/svid.ts';
import { identityOrigin } from './trust/trust-source.ts';
import { forgetWorkloadApi } from './trust/workload-api-file.ts';
import { checkServable } from './trust/workload-entry.ts';

/** Who this node is, and what keeps it so. */
export interface NodeTrust {
  /** Where the identity is kept. */
  readonly dir: string;
  readonly tls: MeshTls;
  readonly gate: BanGate;
  /** Changes the certificate alone: the bundle is changed by `bundles`. */
  readonly held: HeldIdentity;
  readonly bundles: BundleKeeper;
  /** Kept here; else a Trust Fabric renews the identity. */
  readonly authorities: AuthorityStore | undefined;
  /** The keys of gossip are handed with it, where a Trust Fabric is asked. */
  readonly renew: (heard: (ring: Ring) => void) => Promise<Identity>;
  /** Where the keys of the trust domain are that this node gossips with; undefined where it has others, or none. */
  readonly ringDir: string | undefined;
  readonly keep: (identity: Identity) => void;
  /** Where a Workload API pushes it. */
  readonly watch: Pick<SvidWatchOptions, 'open' | 'put'> | undefined;
}

/** Who a node is when it starts, and where it has that from. */
interface Begun {
  readonly identity: Identity;
  readonly authorities: AuthorityStore | undefined;
  readonly renew: (held: HeldIdentity, bundles: BundleKeeper, heard: (ring: Ring) => void) => Promise<Identity>;
  readonly watch: NodeTrust['watch'];
}

/** @throws MeshError PQ_UNAVAILABLE, BAD_CONFIG, as `ownIdentity` and `pushedIdentity` */
export async function nodeTrust(config: Config, log: Logger, clock: Clock): Promise<NodeTrust> {
  const { dataDir, pq } = config;
  checkPq(pq);
  const kept = trustDir(dataDir);
  const origin = identityOrigin(config, kept);
  const { identity, authorities, renew, watch } = origin.kind === 'workload-api' ? await fromWorkloadApi(config, origin.socket, log, clock) : await fromAuthority(config, origin.kind, log, clock);
  const { id, serial, notAfterMs } = identity.svid;
  log.log('info', 'identity', { id: formatSpiffeId(id), serial, expires: new Date(notAfterMs).toISOString() });
  const held = holdIdentity(identity);
  const bundles = openBundles(kept, held, authorities, watch === undefined, (error) => log.log('error', 'bundle-not-kept', { reason: (error as Error).message }));
  const gate = banGate();
  return {
    tls: { identity: held, pq, sessions: new OpenSessions(), isTainted: (pin) => bundles.stateOf(pin) === 'tainted', admits: (caller) => gate.fault(caller.id, caller.notBeforeMs) },
    dir: kept,
    gate,
    // Where it is pushed, so is the bundle; else that is changed by `bundles` alone.
    held: watch === undefined ? holdSvid(held) : held,
    bundles,
    authorities,
    ringDir: ringDirOf(config, authorities !== undefined, log),
    renew: (heard) => renew(held, bundles, heard),
    keep: ({ svid }) => writeIdentity(kept, { svid, bundle: held.current().bundle }),
    watch,
  };
}

/**
 * On loopback an authority is made where there is none, as ssh makes host keys: what this user starts on this machine belongs
 * together. Beyond it, who belongs to whom is for a person to say.
 */
async function fromAuthority({ name, bind, dataDir, svidTtlMs }: Config, source: 'embedded' | 'fabric' | undefined, log: Logger, clock: Clock): Promise<Begun> {
  const dir = authorityDir(homedir());
  const kept = trustDir(dataDir);
  const makeAuthorityFor = isLoopback(bind) ? localTrustDomain(hostname()) : undefined;
  const who = { kind: 'node', name, ttlMs: svidTtlMs } as const;
  const { identity, authorities: present, hasMadeAuthority } = await ownIdentity({ ...who, source, trustDir: kept, authorityDir: dir, makeAuthorityFor, nowMs: clock.wallNow() });
  forgetWorkloadApi(kept);
  if (hasMadeAuthority) log.log('info', 'authority-made', { trustDomain: identity.svid.id.trustDomain, dir });
  const authorities = present && new AuthorityStore(dir);
  const renew: Begun['renew'] = (held, bundles, heard) =>
    authorities === undefined ? renewJoined(kept, held, bundles, heard) : issueOwn(issuerOf(authorities.current(), bundles.present?.claim), { ...who, nowMs: clock.wallNow() });
  return { identity, authorities, renew, watch: undefined };
}

async function fromWorkloadApi({ name, dataDir }: Config, socket: string, log: Logger, clock: Clock): Promise<Begun> {
  const { pushedIdentity } = await import('./transport/pushed-identity.ts');
  const { identity, next, watch } = await pushedIdentity({ socket, asked: { kind: 'node', name }, dir: trustDir(dataDir), log, clock });
  return { identity, authorities: undefined, renew: (held) => next(held.current()), watch };
}

/** What workloads need of the world: whoever issues, who is kept out, and their sockets. */
export function workloadParts({ dataDir, svidTtlMs }: Config, { held, bundles, authorities, watch, gate }: NodeTrust, audit: AuditLog, clock: Clock): MeshParts['workloads'] {
  const self = held.current().svid.id;
  const issuer = authorities !== undefined ? 'authority' : watch === undefined ? 'fabric' : 'nobody';
  return {
    self,
    issuer,
    socketDir: join(dataDir, 'workloads'),
    file: workloadFile(dataDir),
    world: {
      issue: async (id) => {
        const { kind, name } = id;
        // What was given away while the authority was here is not ours to give any more.
        checkServable(id, self, issuer);
        if (authorities !== undefined) {
          const identity = await issueOwn(issuerOf(authorities.current(), bundles.present?.claim), { kind, name, ttlMs: svidTtlMs, nowMs: clock.wallNow() }, held.current().bundle);
          audit.record({ what: 'issue-workload', who: formatSpiffeId(id), outcome: 'done', detail: `serial ${identity.svid.serial}` }, clock.wallNow());
          return identity;
        }
        return attestWorkload(trustDir(dataDir), held, bundles, name.slice(name.indexOf('/') + 1));
      },
      node: held,
      refusal: (id, notBeforeMs) => gate.fault(self, held.current().svid.notBeforeMs) ?? gate.fault(id, notBeforeMs),
      onBans: (heard) => gate.onChange(heard),
      openSocket: async (entry, onStream) => (await import('./transport/workload-server.ts')).createWorkloadServer(entry, onStream),
      random: systemRandom,
    },
  };
}

export interface FabricListen {
  readonly config: Config;
  readonly authorities: AuthorityStore;
  readonly trust: Pick<NodeTrust, 'tls' | 'bundles' | 'gate' | 'ringDir'>;
  readonly gossipAddress: () => string;
  readonly bans: () => Promise<readonly BanEntry[]>;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
}

/** Undefined where the usual port is taken and none was asked for: another node of this machine has the same authority. */
export async function openFabric({ config, authorities, trust, gossipAddress, bans, audit, log, clock, onBug }: FabricListen): Promise<MeshServer | undefined> {
  const fabric = new TrustFabric({
    authorities,
    bans,
    bundle: () => trust.bundles.present ?? authorities.document(),
    ttlMs: config.svidTtlMs,
    welcome: () => ({ ...handedKeys(config, trust.ringDir), gossipSeeds: [gossipAddress()] }),
    gate: trust.gate,
    note: (outcome) => noteAttestation(outcome, log, audit, clock),
    wallNow: () => clock.wallNow(),
  });
  try {
    return await createFabricServer({ host: config.bind, port: config.trustPort ?? TRUST_PORT_DEFAULT }, fabric, trust.tls, onBug);
  } catch (error) {
    if (config.trustPort !== undefined || !(error instanceof MeshError) || error.code !== 'PORT_IN_USE') throw error;
    log.log('info', 'trust-fabric-not-served', { reason: error.message, todo: 'choose a port with --trust-port, if this node is to give out identities' });
    return undefined;
  }
}

function noteAttestation({ method, remote, id, serial, fault }: AttestOutcome, log: Logger, audit: AuditLog, clock: Clock): void {
  const who = id === undefined ? remote : formatSpiffeId(id);
  const what = method === 'x509pop' ? 'renew-identity' : method === 'workload' ? 'issue-workload' : 'attest';
  if (fault === undefined) {
    log.log('info', 'attested', { id: who, method, remote, serial });
    audit.record({ what, who, outcome: 'done', subject: remote, detail: `by ${method}, serial ${serial ?? ''}` }, clock.wallNow());
  } else {
    log.log('warn', 'attestation-refused', { id: who, method, remote, code: fault.code, reason: fault.message });
    audit.record({ what, who, outcome: 'refused', subject: remote, detail: `by ${method}: ${fault.code}: ${fault.message}` }, clock.wallNow());
  }
}

/** Whoever is refused here stands in the log and in the audit. */
export function tellOfAlarms(sessions: OpenSessions, log: Logger, audit: AuditLog, clock: Clock): void {
  sessions.onAlarm((alarm) => {
    const { remote } = alarm;
    const claimed = alarm.id === undefined ? undefined : formatSpiffeId(alarm.id);
    const fields = claimed === undefined ? { remote } : { remote, id: claimed };
    if (alarm.kind === 'refused') {
      const { fault: { code, message }, call } = alarm;
      log.log('warn', 'caller-refused', { ...fields, ...(call === undefined ? {} : { call }), code, reason: message });
      audit.record({ what: call === undefined ? 'connect' : 'call', who: claimed ?? remote, outcome: 'refused', subject: call ?? remote, detail: `${code}: ${message}` }, clock.wallNow());
    } else {
      const { before, now } = alarm;
      log.log('warn', 'key-exchange-downgraded', { ...fields, before, now, todo: 'see whether that node runs an older Node.js or pq: off, or somebody is in between' });
      audit.record({ what: 'key-exchange-downgraded', who: claimed ?? remote, outcome: 'done', subject: remote, detail: `${before} before, ${now} now` }, clock.wallNow());
    }
  });
}

/** Who is evicted is told, over what is then cut off: it may attest again, and so come back by itself. */
const EVICTED_OPEN_MS = 500;

type KeyMakings = Omit<BanMakings, 'config'>;

/** What knows which keys are whose needs of the world: certificates, and where it says what was not believed. */
export function peerKeyParts({ tls: { identity }, gate, log, audit, clock }: KeyMakings): MeshParts['peerKeys'] {
  return {
    own: () => identity.current().svid.certificates.map(({ raw }) => raw),
    ownKey() {
      const { certificates: [leaf], key } = identity.current().svid;
      return leaf === undefined || !canSignGossip(key) ? undefined : { key, ...keyOf(leaf) };
    },
    read(chain) {
      const certificates = readCertificates(chain);
      const id = verifyChain(certificates, identity.current().bundle, clock.wallNow());
      const [leaf] = certificates as readonly [X509Certificate];
      const { notBeforeMs, notAfterMs } = validity(leaf);
      const fault = gate.fault(id, notBeforeMs);
      if (fault !== undefined) throw fault;
      return { isNode: id.kind === 'node', name: id.name, notBeforeMs, notAfterMs, ...keyOf(leaf) };
    },
    admits: ({ name, notBeforeMs }) => gate.fault({ ...identity.current().svid.id, name }, notBeforeMs) === undefined,
    authorities: () => identity.current().bundle.authorities.map(keyPin).join(),
    onRenewed: (heard) => identity.onChange(heard),
    alarm(node, { code, message }) {
      log.log('warn', 'certificate-refused', { peer: node, code, reason: message });
      audit.record({ what: 'show-certificate', who: node, outcome: 'refused', detail: `${code}: ${message}` }, clock.wallNow());
    },
    note(event) {
      const { type, member } = event;
      if (type === 'false-claim') {
        const who = event.reason === 'signed-by-another' ? event.accuser : 'unknown';
        audit.record({ what: 'gossip-claim', who, outcome: 'refused', subject: member, detail: `not signed by ${member}: ${formatAddress(event.address)}, incarnation ${event.incarnation}` }, clock.wallNow());
      } else if (type === 'quarantined') {
        audit.record({ what: 'quarantine', who: 'this node', outcome: 'done', subject: member, detail: event.reason === 'claimed-another' ? `it signed a claim to be ${event.claimed}` : 'what it says of itself is not signed with its key' }, clock.wallNow());
      } else if (type === 'released') audit.record({ what: 'quarantine-end', who: 'this node', outcome: 'done', subject: member }, clock.wallNow());
    },
  };
}

function keyOf({ publicKey }: X509Certificate): { readonly keyId: string; readonly spki: Uint8Array } {
  return { keyId: gossipKeyId(publicKey), spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })) };
}

interface BanMakings {
  readonly config: Config;
  readonly tls: MeshTls;
  readonly gate: BanGate;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** What the ban list needs of the world: this node's key, its disk, its connections, and where it says what it did. */
export function banParts({ config, tls, gate, log, audit, clock }: BanMakings): MeshParts['bans'] {
  const { identity, sessions } = tls;
  return {
    self: identity.current().svid.id,
    random: systemRandom,
    sign: (claim) => signBan(claim, identity.current().svid),
    read: (entry) => readBan(entry, identity.current().bundle),
    file: banFile(join(trustDir(config.dataDir), 'bans.json')),
    enforce(all, restricted, released) {
      gate.replace(all);
      let severed = 0;
      for (const { claim, issuer } of restricted) {
        const { subject, kind, reason, by } = claim;
        const count = sessions.list().filter(({ caller }) => formatSpiffeId(caller.id) === subject).length;
        const sever = (): void => void sessions.sever(({ id }) => formatSpiffeId(id) === subject);
        if (kind === 'ban') sever();
        else clock.setTimer(EVICTED_OPEN_MS, sever);
        severed += count;
        log.log('warn', kind === 'ban' ? 'banned' : 'evicted', { subject, reason, by, issuer, severed: count });
        audit.record({ what: `${kind}-in-force`, who: `${by} on ${issuer}`, outcome: 'done', subject, detail: `${reason}; connections cut off: ${count}` }, clock.wallNow());
      }
      for (const subject of released) {
        log.log('warn', 'unbanned', { subject });
        audit.record({ what: 'unban-in-force', who: 'the ban list', outcome: 'done', subject }, clock.wallNow());
      }
      return severed;
    },
    alarm(node, { code, message }) {
      log.log('warn', 'ban-entry-refused', { peer: node, code, reason: message });
      audit.record({ what: 'ban-entry', who: node, outcome: 'refused', detail: `${code}: ${message}` }, clock.wallNow());
    },
  };
}
