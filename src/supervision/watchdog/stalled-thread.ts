/**
 * What can be done from another thread with a main thread that stands still: see where it is, and end the process with an
 * exit code of our own. Both through the inspector, which V8 lets in between two instructions of any JavaScript; not while
 * a native call (execSync, a synchronous hash) keeps it.
 */
import { Session } from 'node:inspector';
import type { Debugger, Runtime } from 'node:inspector';
import type { MarkedTurn } from './turn-mark.ts';

/** Under this symbol the main thread says whose code runs, as JSON; also where no turn is marked, after an `await`. */
export const CULPRIT = 'omega-mesh.culprit';

export interface Sight {
  /** One line a frame, innermost first. */
  readonly stack: readonly string[];
  readonly culprit: MarkedTurn | undefined;
}

/** A loop is let in within microseconds; what takes longer is native. */
const PATIENCE_MS = 500;
const PARTING_MS = 50;
const FRAMES_MAX = 20;

/** Stops the main thread for a moment to look at it; undefined when it cannot be stopped. It goes on afterwards. */
export function lookAtMainThread(): Promise<Sight | undefined> {
  return withMainThread((session, done) => {
    const scripts = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
    session.once('Debugger.paused', ({ params }) => {
      const expression = `globalThis[Symbol.for(${JSON.stringify(CULPRIT)})]?.()`;
      const stack = params.callFrames.slice(0, FRAMES_MAX).map((frame) => frameLine(frame, scripts));
      session.post('Runtime.evaluate', { expression, returnByValue: true }, (error: NodeJS.ErrnoException | null, answer?: Runtime.EvaluateReturnType) => {
        // Patience was over before; with the session goes the pause.
        if (error?.code === 'ERR_INSPECTOR_CLOSED') return;
        session.post('Debugger.resume');
        done({ stack, culprit: culpritIn(answer) });
      });
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
}

/**
 * Ends the process from its main thread, as only that can end it with a code. Node adds a line about a debugger to standard
 * error: it means this one. Resolves when that did not work.
 */
export async function exitOnMainThread(exitCode: number): Promise<void> {
  await withMainThread((session, done) => {
    session.post('Runtime.evaluate', { expression: `process.reallyExit(${exitCode})` });
    // The exit waits for the session to end.
    setTimeout(done, PARTING_MS);
  });
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
}

function withMainThread<T>(act: (session: Session, done: (result: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve) => {
    const session = new Session();
    const finish = (result?: T): void => {
      clearTimeout(timer);
      session.removeAllListeners();
      session.disconnect();
      resolve(result);
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    try {
      session.connectToMainThread();
      act(session, finish);
    } catch {
      // A Node without an inspector, or one that forbids it: the main thread is left alone.
      finish();
    }
  });
}

function frameLine({ functionName, location }: Debugger.CallFrame, scripts: ReadonlyMap<string, string>): string {
  return `at ${functionName === '' ? '<anonymous>' : functionName} (${scripts.get(location.scriptId) ?? ''}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1})`;
}

function culpritIn(answer: Runtime.EvaluateReturnType | undefined): MarkedTurn | undefined {
  const value: unknown = answer?.result.value;
  return typeof value === 'string' ? (JSON.parse(value) as MarkedTurn) : undefined;
}
