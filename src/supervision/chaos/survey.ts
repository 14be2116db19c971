/** The tree at one moment, as a storm looks at it. Pure. */
import type { ActorView } from '../actor-view.ts';

export interface Survey {
  /** All actors, by path in order. */
  readonly actors: readonly ActorView[];
  /** Permanent children that stand in a spec: they are there for as long as their supervisor is. */
  readonly standing: ReadonlySet<string>;
  /** Permanent children of any supervisor that are not running. */
  readonly missing: readonly string[];
  /** Permanent children that run. */
  readonly running: ReadonlySet<string>;
  readonly zombies: number;
}

/** @param isUsable whether one that runs is of use: one that hangs is not */
export function surveyOf(root: ActorView, isUsable: (path: string) => boolean = () => true): Survey {
  const actors: ActorView[] = [];
  const standing = new Set<string>();
  const running = new Set<string>();
  const missing: string[] = [];
  let zombies = 0;
  const visit = (view: ActorView, isStanding: boolean): void => {
    actors.push(view);
    zombies += view.zombies;
    if (view.restart === 'permanent') {
      if (isStanding) standing.add(view.path);
      if (view.status !== 'running') missing.push(view.path);
      else if (isUsable(view.path)) running.add(view.path);
    }
    for (const child of view.children) visit(child, isStanding && view.strategy !== 'dynamic');
  };
  visit(root, true);
  actors.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { actors, standing, missing, running, zombies };
}
