/** Who an agent of this machine is, and what it speaks TLS with. */
import { systemClock } from '../clock.ts';
import { agentTrustDir, authorityDir } from '../config/home-path.ts';
import type { Logger } from '../log.ts';
import { OpenSessions } from '../transport/open-sessions.ts';
import type { MeshTls } from '../transport/tls.ts';
import { holdIdentity } from '../trust/identity-source.ts';
import { localTrustDomain, ownIdentity } from '../trust/own-identity.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';

export interface AgentTlsOptions {
  readonly id: string;
  readonly home: string;
  readonly hostName: string;
  readonly log: Logger;
}

/**
 * An agent may be started before the first node of its machine: then it is the one that makes the authority.
 * @throws MeshError as `ownIdentity`
 */
export async function agentTls({ id, home, hostName, log }: AgentTlsOptions): Promise<MeshTls> {
  const where = { trustDir: agentTrustDir(home, id), authorityDir: authorityDir(home), makeAuthorityFor: localTrustDomain(hostName) };
  const { identity } = await ownIdentity({ kind: 'agent', name: id, ...where, nowMs: systemClock.wallNow() });
  const { svid } = identity;
  log.log('info', 'identity', { id: formatSpiffeId(svid.id), serial: svid.serial, expires: new Date(svid.notAfterMs).toISOString() });
  const sessions = new OpenSessions();
  sessions.onAlarm((alarm) => {
    if (alarm.kind === 'refused') log.log('warn', 'node-refused', { remote: alarm.remote, code: alarm.fault.code, reason: alarm.fault.message });
  });
  return { identity: holdIdentity(identity), pq: 'prefer', sessions };
}
