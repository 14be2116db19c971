/** One actor and what did not reach it, in the shapes an operator is shown. Pure. */
import type { ActorInfo } from '../../supervision/actor-info.ts';
import type { DeadLetter, Withheld } from '../../supervision/trail/dead-letters.ts';
import type { TraceEntry } from '../../supervision/trace.ts';
import type { ActorInfo as ActorInfoReply } from '../../transport/generated/omega/mesh/v1/ActorInfo.ts';
import type { DeadLetter as DeadLetterReply } from '../../transport/generated/omega/mesh/v1/DeadLetter.ts';
import type { TraceEntry as TraceEntryReply } from '../../transport/generated/omega/mesh/v1/TraceEntry.ts';
import { errorDetail } from './admin-views.ts';

export function actorInfo({ budget, childrenBudget, strategy, autoShutdown, shutdown, lastError, lastEnd, ...info }: ActorInfo): ActorInfoReply {
  return {
    ...info,
    shutdown: String(shutdown),
    strategy: strategy ?? '',
    autoShutdown: autoShutdown ?? '',
    budget: budget ?? null,
    childrenBudget: childrenBudget ?? null,
    lastEnd: lastEnd ?? '',
    lastError: errorDetail(lastError),
  };
}

export function deadLetter(letter: DeadLetter, withheld: Withheld | undefined): DeadLetterReply {
  return { ...letter, withheld: withheld ?? '' };
}

/** @param lost entries before this one that had no room */
export function traceEntry(entry: TraceEntry, lost: number): TraceEntryReply {
  return { ...entry, skipped: entry.skipped + lost };
}
