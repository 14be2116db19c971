/** What a strategy of discovery found, for people and for scripts. Pure. */
import { formatAddress } from '../address.ts';
import type { Trial } from '../discovery-trial.ts';
import { formatTable } from './format-table.ts';
import { printable, type Paint } from './paint.ts';

type Verdict = Trial['verdicts'][number];

export function trialView({ text }: { readonly text: string }, { verdicts, trouble }: Trial): object {
  return {
    spec: text,
    trouble: trouble ?? null,
    peers: verdicts.map((verdict) => ({
      given: verdict.given,
      address: verdict.isTaken ? formatAddress(verdict.address) : null,
      taken: verdict.isTaken,
      reason: verdict.isTaken ? null : verdict.reason,
      why: verdict.isTaken ? null : verdict.why,
    })),
  };
}

export function formatTrial({ verdicts }: Trial, paint: Paint, width: number | undefined): string[] {
  if (verdicts.length === 0) return [];
  return formatTable([{ head: 'FOUND' }, { head: 'VERDICT' }, { head: 'WHY', cutTo: 120 }], verdicts.map((verdict) => row(verdict, paint)), paint, width);
}

function row(verdict: Verdict, paint: Paint): string[] {
  const given = printable(verdict.given);
  if (!verdict.isTaken) return [given, paint.yellow(verdict.reason), printable(verdict.why)];
  const address = formatAddress(verdict.address);
  return [given, paint.green('taken'), given === address ? '' : address];
}
