/** Follows the identity of this node where a Workload API pushes it, around the brain in svid-watch.ts. */
import type { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { Identity } from '../../trust/identity-source.ts';
import { SvidWatch, type SvidWatchInput } from '../../trust/svid-watch.ts';

export interface SvidWatchOptions {
  /** @returns ends it */
  readonly open: (hear: { told(identity: Identity): void; ended(fault: MeshError): void }) => () => void;
  /** Where whoever renews will find it. */
  readonly put: (identity: Identity) => void;
  readonly random: Random;
  readonly identity: ActorRef<{ readonly kind: 'renew' }>;
}

export type SvidWatchMessage = SvidWatchInput;

interface WatchState {
  readonly brain: SvidWatch;
  stop: () => void;
}

export function svidWatchActor(options: SvidWatchOptions): Behavior<WatchState, SvidWatchMessage> {
  return {
    init(context) {
      const state: WatchState = { brain: new SvidWatch(options.random), stop: () => undefined };
      context.own(() => state.stop());
      think(state, { kind: 'tick' }, options, context);
      return state;
    },
    receive(state, message, context) {
      think(state, message, options, context);
      return state;
    },
    view: ({ brain }) => brain.state,
    describe: ({ kind }) => kind,
  };
}

function think(state: WatchState, input: SvidWatchInput, { open, put, identity }: SvidWatchOptions, context: ActorContext<SvidWatchMessage>): void {
  for (const effect of state.brain.handle(input)) {
    switch (effect.kind) {
      case 'open':
        state.stop = open({
          told: (told) => void context.self.send({ kind: 'told', identity: told }),
          ended: (fault) => void context.self.send({ kind: 'ended', fault }),
        });
        break;
      case 'set-timer':
        context.setTimer('tick', effect.delayMs, { kind: 'tick' });
        break;
      case 'tell':
        put(effect.identity);
        identity.send({ kind: 'renew' });
        break;
      case 'log':
        context.log.log(effect.level, effect.event, effect.fields);
        break;
    }
  }
}
