/** The runtime's own hooks for failures nobody awaited, in place of mocha's. */
import { attributeFailures } from '../../src/supervision/attribution.ts';

export const HOOKS = ['uncaughtException', 'unhandledRejection'] as const;

/** Runs with the runtime's own hooks in place of mocha's; gives the failures that nobody caused. */
export async function attributed(run: (ownerless: readonly unknown[]) => Promise<void>): Promise<void> {
  const setAside = HOOKS.map((hook) => [hook, process.listeners(hook as 'uncaughtException')] as const);
  for (const hook of HOOKS) process.removeAllListeners(hook);
  const ownerless: unknown[] = [];
  const detach = attributeFailures((error) => ownerless.push(error));
  try {
    await run(ownerless);
  } finally {
    detach();
    for (const [hook, listeners] of setAside) for (const listener of listeners) process.on(hook, listener);
  }
}
