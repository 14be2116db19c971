/** Who an agent of this machine is, and what it speaks TLS with. */
import { systemClock } from '../clock.ts';
import { agentTrustDir, authorityDir } from '../config/home-path.ts';
import type { Pq } from '../config/trust-keys.ts';
import type { Logger } from '../log.ts';
import { systemRandom } from '../random.ts';
import { OpenSessions } from '../transport/open-sessions.ts';
import { refreshBundle, renewJoined } from '../transport/renew.ts';
import { checkPq } from '../transport/tls.ts';
import { AuthorityStore } from '../trust/authority-files.ts';
import { issuerOf } from '../trust/authority-set.ts';
import { openBundles } from '../trust/bundle-file.ts';
import { writeIdentity } from '../trust/identity-files.ts';
import { holdIdentity, holdSvid, type HeldIdentity, type Identity } from '../trust/identity-source.ts';
import { issueOwn, localTrustDomain, ownIdentity } from '../trust/own-identity.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { identityOrigin } from '../trust/trust-source.ts';
import type { AgentTls } from './agent.ts';
import { followBundle, type BundleFollowerOptions } from './bundle-follower.ts';
import { followIdentity } from './identity-follower.ts';
import { keepIdentity, type IdentityKeeper } from './identity-keeper.ts';

export interface AgentTlsOptions {
  readonly id: string;
  readonly home: string;
  readonly hostName: string;
  readonly pq: Pq;
  /** Of the Workload API that its identity comes from, absolute; undefined where that is as what is kept has it. */
  readonly workloadSocket: string | undefined;
  readonly log: Logger;
  /** Ends the renewal of the identity. */
  readonly signal: AbortSignal;
}

/** Who it is when it starts, and what keeps it so. */
interface Begun {
  readonly held: HeldIdentity;
  readonly keeper: IdentityKeeper;
  readonly stop: () => void;
  /** Undefined where a Workload API says whom to believe. */
  readonly bundles: Pick<BundleFollowerOptions, 'bundles' | 'refresh'> | undefined;
}

/** @throws MeshError PQ_UNAVAILABLE, as `ownIdentity` and `pushedIdentity` */
export async function agentTls(options: AgentTlsOptions): Promise<AgentTls> {
  const { id, home, pq, workloadSocket, log, signal } = options;
  checkPq(pq);
  const origin = identityOrigin({ trustSource: undefined, workloadSocket }, agentTrustDir(home, id));
  const { held, keeper, stop, bundles } = origin.kind === 'workload-api' ? await fromWorkloadApi(options, origin.socket) : await fromAuthority(options);
  signal.addEventListener('abort', stop, { once: true });
  const sessions = new OpenSessions();
  sessions.onAlarm((alarm) => {
    if (alarm.kind === 'refused') log.log('warn', 'node-refused', { remote: alarm.remote, code: alarm.fault.code, reason: alarm.fault.message });
  });
  const following = bundles && followBundle({ ...bundles, identity: held, keeper, sessions, log });
  return { identity: held, pq, sessions, onEvicted: () => keeper.renewNow(), ...following };
}

/** An agent may be started before the first node of its machine: then it is the one that makes the authority. */
async function fromAuthority({ id, home, hostName, log }: AgentTlsOptions): Promise<Begun> {
  const where = { trustDir: agentTrustDir(home, id), authorityDir: authorityDir(home), makeAuthorityFor: localTrustDomain(hostName) };
  const who = { kind: 'agent', name: id } as const;
  const { identity, authorities: present } = await ownIdentity({ ...who, ...where, nowMs: systemClock.wallNow() });
  logIdentity(log, identity);
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
  const refresh = authorities === undefined ? () => refreshBundle(where.trustDir, bundles) : undefined;
  return { held, keeper, stop: () => keeper.stop(), bundles: { bundles, refresh } };
}

/** Whom to believe is pushed as well. */
async function fromWorkloadApi({ id, home, log }: AgentTlsOptions, socket: string): Promise<Begun> {
  const { pushedIdentity } = await import('../transport/pushed-identity.ts');
  const dir = agentTrustDir(home, id);
  const { identity, next, watch } = await pushedIdentity({ socket, asked: { kind: 'agent', name: id }, dir, log, clock: systemClock });
  logIdentity(log, identity);
  const held = holdIdentity(identity);
  const own = { log, clock: systemClock, random: systemRandom };
  const keeper = keepIdentity({ ...own, held, renew: () => next(held.current()), keep: (renewed) => writeIdentity(dir, renewed) });
  const unfollow = followIdentity({ ...own, watch, pushed: () => keeper.renewNow() });
  return {
    held,
    keeper,
    stop: () => {
      unfollow();
      keeper.stop();
    },
    bundles: undefined,
  };
}

function logIdentity(log: Logger, { svid: { id, serial, notAfterMs } }: Identity): void {
  log.log('info', 'identity', { id: formatSpiffeId(id), serial, expires: new Date(notAfterMs).toISOString() });
}
