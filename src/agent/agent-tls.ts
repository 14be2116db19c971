/** Who an agent of this machine is, and what it speaks TLS with. */
import { systemClock } from '../clock.ts';
import { agentTrustDir, authorityDir } from '../config/home-path.ts';
import type { Pq } from '../config/trust-keys.ts';
import type { Logger } from '../log.ts';
import { systemRandom } from '../random.ts';
import { OpenSessions } from '../transport/open-sessions.ts';
import { renewJoined } from '../transport/renew.ts';
import { checkPq } from '../transport/tls.ts';
import type { MeshTls } from '../transport/tls.ts';
import { AuthorityStore } from '../trust/authority-files.ts';
import { issuerOf } from '../trust/authority-set.ts';
import { openBundles } from '../trust/bundle-file.ts';
import { writeIdentity } from '../trust/identity-files.ts';
import { holdIdentity, holdSvid } from '../trust/identity-source.ts';
import { issueOwn, localTrustDomain, ownIdentity } from '../trust/own-identity.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { keepIdentity } from './identity-keeper.ts';

export interface AgentTlsOptions {
  readonly id: string;
  readonly home: string;
  readonly hostName: string;
  readonly pq: Pq;
  readonly log: Logger;
  /** Ends the renewal of the identity. */
  readonly signal: AbortSignal;
}

/**
 * An agent may be started before the first node of its machine: then it is the one that makes the authority.
 * @throws MeshError PQ_UNAVAILABLE, and as `ownIdentity`
 */
export async function agentTls({ id, home, hostName, pq, log, signal }: AgentTlsOptions): Promise<MeshTls> {
  checkPq(pq);
  const where = { trustDir: agentTrustDir(home, id), authorityDir: authorityDir(home), makeAuthorityFor: localTrustDomain(hostName) };
  const who = { kind: 'agent', name: id } as const;
  const { identity, authorities: present } = await ownIdentity({ ...who, ...where, nowMs: systemClock.wallNow() });
  const { svid } = identity;
  log.log('info', 'identity', { id: formatSpiffeId(svid.id), serial: svid.serial, expires: new Date(svid.notAfterMs).toISOString() });
  const held = holdIdentity(identity);
  const authorities = present && new AuthorityStore(where.authorityDir);
  const bundles = openBundles(where.trustDir, held, authorities, true, (error) => log.log('error', 'bundle-not-kept', { reason: (error as Error).message }));
  const keeper = keepIdentity({
    held: holdSvid(held),
    renew: () => (authorities === undefined ? renewJoined(where.trustDir, held, bundles) : issueOwn(issuerOf(authorities.current(), bundles.present?.claim), { ...who, nowMs: systemClock.wallNow() })),
    keep: (renewed) => writeIdentity(where.trustDir, { svid: renewed.svid, bundle: held.current().bundle }),
    log,
    clock: systemClock,
    random: systemRandom,
  });
  signal.addEventListener('abort', () => keeper.stop(), { once: true });
  const sessions = new OpenSessions();
  sessions.onAlarm((alarm) => {
    if (alarm.kind === 'refused') log.log('warn', 'node-refused', { remote: alarm.remote, code: alarm.fault.code, reason: alarm.fault.message });
  });
  return { identity: held, pq, sessions, onEvicted: () => keeper.renewNow() };
}
