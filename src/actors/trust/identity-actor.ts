/**
 * Renews the identity of this node. Its crash costs nothing: the last identity is held outside of it, and the next life begins
 * with that one.
 */
import type { Random } from '../../random.ts';
import { findMeshError } from '../../errors.ts';
import type { ActorContext, Behavior } from '../../supervision/behavior.ts';
import type { HeldIdentity, Identity } from '../../trust/identity-source.ts';
import { formatSpiffeId } from '../../trust/spiffe-id.ts';
import { Renewal, type RenewalEffect } from '../../trust/renewal.ts';

export interface IdentityActorOptions {
  readonly held: HeldIdentity;
  /** Has a deadline of its own. */
  readonly renew: () => Promise<Identity>;
  /** On disk; may throw what the system does. */
  readonly keep: (identity: Identity) => void;
  /** Whether others refuse the present one: a node that was evicted may have been started again with it. */
  readonly isRefused: () => boolean;
  readonly random: Random;
}

export type IdentityMessage =
  | { readonly kind: 'tick' }
  | { readonly kind: 'renew' }
  | { readonly kind: 'renew-soon' }
  | { readonly kind: 'renewed'; readonly identity: Identity }
  | { readonly kind: 'failed'; readonly error: Error };

export function identityActor(options: IdentityActorOptions): Behavior<Renewal, IdentityMessage> {
  const { held, keep, isRefused, random } = options;
  return {
    init(context) {
      const { svid } = held.current();
      const renewal = new Renewal(svid, random);
      perform(renewal.handle({ kind: isRefused() ? 'renew' : 'tick' }, context.clock.wallNow()), options, context);
      return renewal;
    },
    receive(renewal, message, context) {
      const nowMs = context.clock.wallNow();
      switch (message.kind) {
        case 'tick':
        case 'renew':
        case 'renew-soon':
          perform(renewal.handle(message, nowMs), options, context);
          return renewal;
        case 'renewed':
          held.replace(message.identity);
          try {
            keep(message.identity);
          } catch (error) {
            // It is used all the same: only a restart would miss it.
            context.log.log('warn', 'identity-not-kept', { reason: (error as Error).message });
          }
          perform(renewal.handle({ kind: 'has', validity: message.identity.svid }, nowMs), options, context);
          return renewal;
        case 'failed':
          perform(renewal.handle({ kind: 'failed', reason: message.error.message, todo: findMeshError(message.error)?.todo }, nowMs), options, context);
          return renewal;
      }
    },
    describe: ({ kind }) => kind,
    view: (renewal) => ({ id: formatSpiffeId(held.current().svid.id), serial: held.current().svid.serial, ...renewal.state }),
  };
}

function perform(effects: readonly RenewalEffect[], { renew }: IdentityActorOptions, context: ActorContext<IdentityMessage>): void {
  for (const effect of effects) {
    switch (effect.kind) {
      case 'renew':
        context.pipe(
          renew(),
          (identity) => ({ kind: 'renewed', identity }),
          (error) => ({ kind: 'failed', error }),
        );
        break;
      case 'set-timer':
        context.setTimer('tick', effect.delayMs, { kind: 'tick' });
        break;
      case 'log':
        context.log.log(effect.level, effect.event, effect.fields);
        break;
    }
  }
}
