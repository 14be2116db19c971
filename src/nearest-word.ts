/** Slips of the fingers. Pure. */
import { distance } from 'fastest-levenshtein';

/** The known word that was probably meant. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const steps = (candidate: string): number => distance(word.toLowerCase(), candidate.toLowerCase());
  const nearest = known.reduce((best: string | undefined, candidate) => (best === undefined || steps(candidate) < steps(best) ? candidate : best), undefined);
  if (nearest === undefined) return undefined;
  // More than half the letters wrong is no slip of the fingers.
  return steps(nearest) * 2 <= Math.max(nearest.length, word.length) ? nearest : undefined;
}
