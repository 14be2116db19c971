/** A behavior whose handlers start late. Pure. */
import type { AnyBehavior } from '../cell-host.ts';

/**
 * As `behavior`, but each message and signal waits for `wait` first; where that says false the life is over, and nothing of
 * it is handled.
 */
export function heldBack(behavior: AnyBehavior, wait: () => Promise<boolean>): AnyBehavior {
  const { signal, terminate, view, describe } = behavior;
  const late = async (state: unknown, handle: () => unknown): Promise<unknown> => ((await wait()) ? handle() : state);
  return {
    init: (context) => behavior.init(context),
    receive: (state, message, context) => late(state, () => behavior.receive(state, message, context)),
    ...(signal && { signal: (state, heard, context) => late(state, () => signal.call(behavior, state, heard, context)) }),
    ...(terminate && { terminate: (state, reason, context) => terminate.call(behavior, state, reason, context) }),
    ...(view && { view: (state) => view.call(behavior, state) }),
    ...(describe && { describe: (message) => describe.call(behavior, message) }),
    trapsStop: behavior.trapsStop === true,
    startsLate: behavior.startsLate === true,
    get trapsExits() {
      return behavior.trapsExits === true;
    },
  };
}
