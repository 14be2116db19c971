/** Whom an agent believes while it runs: what nodes say of it, and what changes in the agent with it. */
import { systemClock } from '../clock.ts';
import { findMeshError, MeshError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { OpenSessions } from '../transport/open-sessions.ts';
import type { BundleKeeper } from '../trust/bundle-keeper.ts';
import type { IdentitySource } from '../trust/identity-source.ts';
import type { AgentTls } from './agent.ts';
import type { IdentityKeeper } from './identity-keeper.ts';

export interface BundleFollowerOptions {
  readonly bundles: BundleKeeper;
  readonly identity: IdentitySource;
  readonly keeper: IdentityKeeper;
  readonly sessions: OpenSessions;
  /** Asks where identities are given out; undefined where the authority is here. */
  readonly refresh: (() => Promise<unknown>) | undefined;
  readonly log: Logger;
}

/** A stranger who answers in place of a node must not make this agent ask as often. */
const REFRESH_EVERY_MS = 10_000;

/** Begins at once. */
export function followBundle({ bundles, identity, keeper, sessions, refresh, log }: BundleFollowerOptions): Pick<AgentTls, 'isTainted' | 'onBundle'> {
  let notBefore = -Infinity;
  const ask = (): void => {
    const now = systemClock.now();
    if (refresh === undefined || now < notBefore) return;
    notBefore = now + REFRESH_EVERY_MS;
    refresh().catch((error: unknown) => log.log('error', 'bundle-not-believed', { reason: (error as Error).message, todo: findMeshError(error)?.todo }));
  };
  const renewTainted = (): void => {
    if (bundles.issuerState(identity.current().svid.certificates) === 'tainted') keeper.renewSoon();
  };
  sessions.onAlarm((alarm) => {
    if (alarm.kind === 'refused' && alarm.fault.code === 'UNKNOWN_AUTHORITY') ask();
  });
  bundles.onChange(({ claim: { sequence, authorities } }) => {
    const known = new Set(authorities.map(({ pin }) => pin));
    const severed = sessions.sever(({ authority }) => !known.has(authority));
    log.log('info', 'bundle-changed', { sequence, ...(severed > 0 ? { severed } : {}) });
    renewTainted();
  });
  renewTainted();
  // It may have been changed while this agent was away.
  ask();
  return {
    isTainted: (pin) => bundles.stateOf(pin) === 'tainted',
    onBundle(bundle) {
      try {
        bundles.offer(bundle);
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        log.log('warn', 'bundle-refused', { code: error.code, reason: error.message });
      }
    },
  };
}
