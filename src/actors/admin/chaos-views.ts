/** What storms and rehearsals found, in the shapes of the wire. Pure. */
import { reasonLine } from '../../supervision/exit-reason.ts';
import type { Verdict } from '../../supervision/chaos/verdict.ts';
import type { Foresight } from '../../supervision/supervisor/what-if.ts';
import type { ForeseeReply } from '../../transport/generated/omega/mesh/v1/ForeseeReply.ts';
import type { StormVerdict } from '../../transport/generated/omega/mesh/v1/StormVerdict.ts';

export function foresightView(path: string, { order, decisions, exit }: Foresight): ForeseeReply {
  return {
    path,
    steps: [...order],
    decisions: decisions.map(({ supervisor, child, decision, delayMs, budget: { used, intensity, periodMs } }) => ({ supervisor, child, decision, delayMs, used, intensity, periodMs })),
    nodeEnds: exit === undefined ? '' : reasonLine(exit),
  };
}

export function verdictView({ recovery, checks, injected, spared, ...figures }: Verdict): StormVerdict {
  const { count: recoveries, p50: recoveryP50Ms, p99: recoveryP99Ms, max: recoveryMaxMs } = recovery;
  return { ...figures, checks: [...checks], recoveries, recoveryP50Ms, recoveryP99Ms, recoveryMaxMs, injected: { ...injected }, spared: { ...spared } };
}
