/** Whom a node believes: what a change of that sets going in it. */
import type { MeshParts } from './actors/tree.ts';
import type { Clock } from './clock.ts';
import type { AuditLog } from './data-dir/audit-log.ts';
import { findMeshError } from './errors.ts';
import type { Logger } from './log.ts';
import type { NodeTrust } from './node-trust.ts';
import { bundleMessage } from './transport/bundle-message.ts';
import type { SignedBundle } from './transport/generated/omega/mesh/v1/SignedBundle.ts';
import { refreshBundle } from './transport/renew.ts';
import { systemRandom } from './random.ts';
import { makeAuthority } from './trust/authority.ts';
import type { BundleKeeper } from './trust/bundle-keeper.ts';
import type { HeldBundle } from './trust/signed-bundle.ts';
import { formatSpiffeId } from './trust/spiffe-id.ts';

interface BundleMakings {
  readonly trust: Pick<NodeTrust, 'tls' | 'bundles' | 'authorities' | 'dir'>;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export function bundleParts({ trust: { tls, bundles, authorities, dir }, log, audit, clock }: BundleMakings): MeshParts['bundles'] {
  const { identity, sessions } = tls;
  return {
    random: systemRandom,
    identity,
    bundles,
    authorities,
    make: makeAuthority,
    refresh: async () => {
      if (authorities === undefined) await refreshBundle(dir, bundles).catch((error: unknown) => log.log('error', 'bundle-not-believed', { reason: (error as Error).message, todo: findMeshError(error)?.todo }));
    },
    outgoing: () => {
      const own = identity.current().svid;
      const isOutgoing = (state: string | undefined): boolean => state === 'old' || state === 'tainted';
      const open = sessions.list();
      const callers = open.filter(({ caller }) => isOutgoing(bundles.stateOf(caller.authority)));
      // Who came before this node had its new certificate believes the old one still, and has yet to move.
      const isShown = open.some(({ own: shown }) => shown !== undefined && isOutgoing(bundles.issuerState([shown])));
      return [...new Set([...(isShown || isOutgoing(bundles.issuerState(own.certificates)) ? [own.id] : []), ...callers.map(({ caller }) => caller.id)].map(formatSpiffeId))].sort();
    },
    alarm(node, { code, message }) {
      log.log('warn', 'bundle-refused', { peer: node, code, reason: message });
      audit.record({ what: 'bundle', who: node, outcome: 'refused', detail: `${code}: ${message}` }, clock.wallNow());
    },
  };
}

/** Put into a message once, for some thousand agents. */
export function bundleForAgents(bundles: BundleKeeper): () => SignedBundle | undefined {
  let told: HeldBundle | undefined;
  let message: SignedBundle | undefined;
  return () => {
    const { present } = bundles;
    if (present !== told) message = present && bundleMessage(present.signed);
    told = present;
    return message;
  };
}

/** That another bundle is believed stands in the log and in the audit, and whoever spoke with what is believed no more is cut off. */
export function followBundles({ trust: { tls, bundles }, log, audit, clock }: BundleMakings): void {
  bundles.onChange(({ claim: { sequence, authorities } }) => {
    const states = authorities.map(({ pin, state }) => `${pin.slice(0, 8)} ${state}`).join(', ');
    const known = new Set(authorities.map(({ pin }) => pin));
    const severed = tls.sessions.sever(({ authority }) => !known.has(authority));
    log.log('info', 'bundle-changed', { sequence, authorities: states, ...(severed > 0 ? { severed } : {}) });
    audit.record({ what: 'bundle', who: 'an authority', outcome: 'done', subject: `sequence ${sequence}`, detail: severed > 0 ? `${states}; connections cut off: ${severed}` : states }, clock.wallNow());
    if (bundles.issuerState(tls.identity.current().svid.certificates) === 'gone') {
      log.log('error', 'identity-orphaned', { todo: 'the authority that issued the certificate of this node is believed no more: where another one is kept here it issues another; else `mesh token create` there, and `mesh join` here' });
    }
  });
}
