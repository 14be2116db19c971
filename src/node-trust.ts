/** Who a node is, and what of it everything that speaks TLS shares. */
import { homedir, hostname } from 'node:os';
import type { Clock } from './clock.ts';
import { authorityDir, trustDir } from './config/home-path.ts';
import type { Config } from './config/config.ts';
import type { AuditLog } from './data-dir/audit-log.ts';
import type { Logger } from './log.ts';
import { isLoopback } from './loopback.ts';
import { OpenSessions } from './transport/open-sessions.ts';
import { checkPq } from './transport/tls.ts';
import type { MeshTls } from './transport/tls.ts';
import { holdIdentity } from './trust/identity-source.ts';
import { localTrustDomain, ownIdentity } from './trust/own-identity.ts';
import { formatSpiffeId } from './trust/spiffe-id.ts';

/**
 * On loopback an authority is made where there is none, as ssh makes host keys: what this user starts on this machine belongs
 * together. Beyond it, who belongs to whom is for a person to say.
 * @throws MeshError PQ_UNAVAILABLE, and as `ownIdentity`
 */
export async function nodeTls({ name, bind, dataDir, pq, gossipKeyring, gossipKey }: Config, log: Logger, clock: Clock): Promise<MeshTls> {
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
  return { identity: holdIdentity(own.identity), pq, sessions: new OpenSessions() };
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
