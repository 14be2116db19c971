/** The terminal of this process. */
import type { ReadStream, WriteStream } from 'node:tty';
import type { Terminal } from './command.ts';

/** Where a terminal does not say how large it is. */
const ROWS = 24;
const COLUMNS = 80;

/** @param stdinOf asked only when keys are wanted. @returns undefined when standard output is no terminal */
export function processTerminal(stdinOf: () => ReadStream, stdout: WriteStream): Terminal | undefined {
  if (!stdout.isTTY) return undefined;
  return {
    size: () => ({ columns: stdout.columns || COLUMNS, rows: stdout.rows || ROWS }),
    onInput(heard) {
      const stdin = stdinOf();
      if (!stdin.isTTY) return () => undefined;
      const restore = (): void => void stdin.setRawMode(false);
      const hear = (typed: string): void => heard(typed);
      // Also when the process ends over a bug.
      process.on('exit', restore);
      stdin.setRawMode(true);
      stdin.setEncoding('utf8').on('data', hear).resume();
      return () => {
        stdin.off('data', hear).pause();
        process.off('exit', restore);
        restore();
      };
    },
    onResize(heard) {
      stdout.on('resize', heard);
      return () => stdout.off('resize', heard);
    },
    write: (text) => void stdout.write(text),
    enter(enter, leave) {
      const restore = (): void => void stdout.write(leave);
      process.on('exit', restore);
      stdout.write(enter);
      return () => {
        process.off('exit', restore);
        restore();
      };
    },
  };
}
