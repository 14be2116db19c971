/** For tests of the runtime itself, which takes its turns in real time. All others move a clock. */

/** A moment in which timers fire. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, delayMs));
}

/** Waits for the world outside, but not for long. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 5_000; !isSo(); await pause(1)) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
  }
}

/** Lets the loop turn, for as long as the test may take. */
export async function turnsUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => void setImmediate(resolve));
}
