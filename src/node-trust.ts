/** Who a node is, and what of it everything that speaks TLS shares. */
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import type { MeshParts } from './actors/tree.ts';
import type { Clock } from './clock.ts';
import { authorityDir, trustDir } from './config/home-path.ts';
import type { Config } from './config/config.ts';
import type { AuditLog } from './data-dir/audit-log.ts';
import type { Logger } from './log.ts';
import { isLoopback } from './loopback.ts';
import { systemRandom } from './random.ts';
import { OpenSessions } from './transport/open-sessions.ts';
import { checkPq } from './transport/tls.ts';
import type { MeshTls } from './transport/tls.ts';
import { readBan, signBan } from './trust/ban-entry.ts';
import { banFile } from './trust/ban-files.ts';
import { banGate } from './trust/ban-gate.ts';
import type { BanGate } from './trust/ban-gate.ts';
import { holdIdentity } from './trust/identity-source.ts';
import { localTrustDomain, ownIdentity } from './trust/own-identity.ts';
import { formatSpiffeId, parseSpiffeId } from './trust/spiffe-id.ts';

/**
 * On loopback an authority is made where there is none, as ssh makes host keys: what this user starts on this machine belongs
 * together. Beyond it, who belongs to whom is for a person to say.
 * @throws MeshError PQ_UNAVAILABLE, and as `ownIdentity`
 */
export async function nodeTls({ name, bind, dataDir, pq, gossipKeyring, gossipKey }: Config, log: Logger, clock: Clock): Promise<{ readonly tls: MeshTls; readonly gate: BanGate }> {
  checkPq(pq);
  const dir = authorityDir(homedir());
  const makeAuthorityFor = isLoopback(bind) ? localTrustDomain(hostname()) : undefined;
  const own = await ownIdentity({ kind: 'node', name, trustDir: trustDir(dataDir), authorityDir: dir, makeAuthorityFor, nowMs: clock.wallNow() });
  const { id, serial, notAfterMs } = own.identity.svid;
  if (own.hasMadeAuthority) log.log('info', 'authority-made', { trustDomain: id.trustDomain, dir });
  log.log('info', 'identity', { id: formatSpiffeId(id), serial, expires: new Date(notAfterMs).toISOString() });
  if (!isLoopback(bind) && gossipKeyring === undefined && gossipKey === undefined) {
    log.log('warn', 'gossip-in-the-clear', { bind, todo: 'encrypt it with --gossip-keyring: whoever reaches this address can read it, and speak in it' });
  }
  const gate = banGate();
  return { tls: { identity: holdIdentity(own.identity), pq, sessions: new OpenSessions(), admits: (caller) => gate.fault(caller.id, caller.notBeforeMs) }, gate };
}

/** Whoever is refused here stands in the log and in the audit. */
export function tellOfAlarms(sessions: OpenSessions, log: Logger, audit: AuditLog, clock: Clock): void {
  sessions.onAlarm((alarm) => {
    const { remote } = alarm;
    const claimed = alarm.id === undefined ? undefined : formatSpiffeId(alarm.id);
    const fields = claimed === undefined ? { remote } : { remote, id: claimed };
    if (alarm.kind === 'refused') {
      const { code, message } = alarm.fault;
      log.log('warn', 'caller-refused', { ...fields, code, reason: message });
      audit.record({ what: 'connect', who: claimed ?? remote, outcome: 'refused', subject: remote, detail: `${code}: ${message}` }, clock.wallNow());
    } else {
      const { before, now } = alarm;
      log.log('warn', 'key-exchange-downgraded', { ...fields, before, now, todo: 'see whether that node runs an older Node.js or pq: off, or somebody is in between' });
      audit.record({ what: 'key-exchange-downgraded', who: claimed ?? remote, outcome: 'done', subject: remote, detail: `${before} before, ${now} now` }, clock.wallNow());
    }
  });
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
        const count = sessions.sever(parseSpiffeId(claim.subject));
        severed += count;
        const { subject, kind, reason, by } = claim;
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
