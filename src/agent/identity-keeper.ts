/** Renews the identity of an agent while it runs: the brain that renews a node's, moved by timers of its own. */
import type { Clock, Timer } from '../clock.ts';
import { findMeshError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../random.ts';
import type { HeldIdentity, Identity } from '../trust/identity-source.ts';
import { Renewal, type RenewalInput } from '../trust/renewal.ts';

export interface IdentityKeeperOptions {
  readonly held: HeldIdentity;
  /** Has a deadline of its own. */
  readonly renew: () => Promise<Identity>;
  /** On disk; may throw what the system does. */
  readonly keep: (identity: Identity) => void;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

export interface IdentityKeeper {
  /** Now, for somebody no longer takes the present one. */
  renewNow(): void;
  /** At some moment within seconds: many have to. */
  renewSoon(): void;
  stop(): void;
}

/** Begins at once. */
export function keepIdentity({ held, renew, keep, log, clock, random }: IdentityKeeperOptions): IdentityKeeper {
  const renewal = new Renewal(held.current().svid, random);
  let timer: Timer | undefined;
  let isOver = false;
  const handle = (input: RenewalInput): void => {
    if (isOver) return;
    for (const effect of renewal.handle(input, clock.wallNow())) {
      switch (effect.kind) {
        case 'renew':
          renew().then(take, (error: unknown) => handle({ kind: 'failed', reason: (error as Error).message, todo: findMeshError(error)?.todo }));
          break;
        case 'set-timer':
          timer?.cancel();
          timer = clock.setTimer(effect.delayMs, () => handle({ kind: 'tick' }));
          break;
        case 'log':
          log.log(effect.level, effect.event, effect.fields);
          break;
      }
    }
  };
  const take = (identity: Identity): void => {
    if (isOver) return;
    held.replace(identity);
    try {
      keep(identity);
    } catch (error) {
      // It is used all the same: only a restart would miss it.
      log.log('warn', 'identity-not-kept', { reason: (error as Error).message });
    }
    handle({ kind: 'has', validity: identity.svid });
  };
  handle({ kind: 'tick' });
  return {
    renewNow: () => handle({ kind: 'renew' }),
    renewSoon: () => handle({ kind: 'renew-soon' }),
    stop: () => {
      isOver = true;
      timer?.cancel();
    },
  };
}
