/** Whose fault a detached failure is: timers, floating promises and emitters carry the life that set them going. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** Something that can be ended by a failure nobody awaited. */
export interface Culprit {
  readonly path: string;
  readonly life: number;
  failDetached(error: unknown): void;
}

const current = new AsyncLocalStorage<Culprit | undefined>();

export function runAs<T>(culprit: Culprit, work: () => T): T {
  return current.run(culprit, work);
}

export function runAsNobody<T>(work: () => T): T {
  // Not `exit`: in Node 20 that takes the hooks of all promises off and on again.
  return current.run(undefined, work);
}

/** Whose code runs, also after an `await`; undefined when it is nobody's. */
export function currentTurn(): { readonly path: string; readonly life: number } | undefined {
  const culprit = current.getStore();
  return culprit && { path: culprit.path, life: culprit.life };
}

/**
 * Turns uncaught exceptions and unhandled rejections of this process into the crash of the actor that caused them.
 * What no actor caused goes to `onOwnerless`: after such an error nothing about the process is certain. So does a throw
 * inside `queueMicrotask`: Node 20 has forgotten by then who asked for it.
 * @returns a function that takes the handlers off again
 */
export function attributeFailures(onOwnerless: (error: unknown) => void): () => void {
  const onError = (error: unknown): void => {
    const culprit = current.getStore();
    if (culprit === undefined) onOwnerless(error);
    else culprit.failDetached(error);
  };
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  return () => {
    process.off('uncaughtException', onError);
    process.off('unhandledRejection', onError);
  };
}
