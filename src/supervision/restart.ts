/** Who is restarted, and who goes along. Pure. Source of the rules: supervisor(3). */
import type { ExitReason } from './behavior.ts';
import type { Restart, Strategy } from './child-spec.ts';
import { isAbnormal } from './exit-reason.ts';

export function isRestarted(restart: Restart, reason: ExitReason): boolean {
  switch (restart) {
    case 'permanent':
      return true;
    case 'transient':
      return isAbnormal(reason);
    case 'temporary':
      return false;
  }
}

/** The children that are replaced when `failed` ends, in start order. They are stopped in reverse of it. */
export function restartGroup(strategy: Strategy, startOrder: Iterable<string>, failed: string): readonly string[] {
  switch (strategy) {
    case 'one_for_one':
    case 'dynamic':
      return [failed];
    case 'one_for_all':
      return [...startOrder];
    case 'rest_for_one': {
      const ids = [...startOrder];
      return ids.slice(ids.indexOf(failed));
    }
  }
}
