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
