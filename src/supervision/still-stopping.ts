import type { ActorView } from './actor-view.ts';

/** Paths that a stop waits for: of all that were asked to stop, those that wait for nobody below them. Pure. */
export function stillStopping(actor: ActorView): readonly string[] {
  const below = actor.children.flatMap(stillStopping);
  return below.length === 0 && actor.status === 'stopping' ? [actor.path] : below;
}
