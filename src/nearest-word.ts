/** Slips of the fingers. Pure. */
import { distance } from 'fastest-levenshtein';

/** Agents' ids and actors' paths come by the ten thousand: comparing more would hold a node up for a mere hint. */
const COMPARED_MAX = 2_000;

/** The known word that was probably meant, as far as the first 2,000 that come into question tell. */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  const typed = word.toLowerCase();
  let nearest: string | undefined;
  let stepsLeast = Infinity;
  let compared = 0;
  for (const candidate of known) {
    // More than half the letters wrong is no slip of the fingers.
    const stepsMax = Math.min(Math.max(candidate.length, word.length) / 2, stepsLeast - 1);
    // Words are apart by at least what one is longer.
    if (Math.abs(candidate.length - word.length) > stepsMax) continue;
    if (++compared > COMPARED_MAX) break;
    const steps = distance(typed, candidate.toLowerCase());
    if (steps > stepsMax) continue;
    nearest = candidate;
    stepsLeast = steps;
  }
  return nearest;
}
