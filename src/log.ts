/** Facts with fields: lines for people on standard error, JSON lines in a rotated file. */
import type { Writable } from 'node:stream';
import winston from 'winston';
import { peoplesLine } from './log-line.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogFields {
  /** Path of the actor that speaks. */
  readonly actor?: string;
  readonly life?: number;
  /** Whether people are told this in another way, so that only the file needs the line. */
  readonly isForFile?: boolean;
  readonly [field: string]: unknown;
}

export interface Logger {
  /** `event` is a short, constant, kebab-case name; what varies goes into the fields. */
  log(level: LogLevel, event: string, fields?: LogFields): void;
}

export interface LogSinks {
  readonly node: string;
  readonly level: LogLevel;
  /** File for JSON lines; none when absent. */
  readonly file?: string;
  /** Whether people's lines go to standard error. */
  readonly stderr: boolean;
  readonly colour: boolean;
}

/** Five files of 5 MiB hold days of a quiet node's log and never fill a disk. */
const FILE_BYTES_MAX = 5 * 1024 * 1024;
const FILES_MAX = 5;

export interface NodeLog extends Logger {
  /** Where it writes, for a thread that writes when this one cannot; none for a log that keeps silent. */
  readonly sinks?: LogSinks;
  /** Resolves when everything said so far has been written. */
  close(): Promise<void>;
}

export const silentLog: NodeLog = { log: () => undefined, close: () => Promise.resolve() };

export function createLog(sinks: LogSinks): NodeLog {
  const logger = winston.createLogger({ level: sinks.level, transports: [], silent: true });
  // A file tells of its own trouble; of that of standard error nobody can be told.
  logger.on('error', () => undefined);
  if (sinks.stderr) logger.add(new winston.transports.Console({ stderrLevels: [...LOG_LEVELS], format: peoplesFormat(sinks.colour) }));
  if (sinks.file !== undefined) addFile(logger, sinks.file);
  logger.silent = logger.transports.length === 0;
  return {
    sinks,
    log: (level, event, fields) => void logger.log({ ...fields, level, message: event, event, node: sinks.node }),
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        logger.once('finish', () => {
          clearTimeout(timer);
          // winston's File transport reports 'finish' before its stream is flushed; one turn lets it.
          setTimeout(resolve, 20);
        });
        logger.end();
      }),
  };
}

/** By then somebody may have made room on the disk. */
const FILE_AGAIN_MS = 60_000;

/**
 * A full disk must not end the node, nor keep lines from standard error: the file is given up, which is said there, and
 * tried again later. What comes meanwhile is lost to it.
 */
function addFile(logger: winston.Logger, filename: string): void {
  const format = winston.format.combine(winston.format.timestamp(), winston.format.json());
  const options = { flags: 'a', mode: 0o600 };
  const file = new winston.transports.File({ filename, options, maxsize: FILE_BYTES_MAX, maxFiles: FILES_MAX, tailable: true, format });
  let isGivenUp = false;
  const giveUp = (error: Error): void => {
    if (isGivenUp) return;
    isGivenUp = true;
    process.stderr.write(`log: cannot write ${filename}: ${error.message}; it is tried again in ${FILE_AGAIN_MS / 1_000} s\n`);
    // In a turn of its own: while it tells of an error, winston would add the file again.
    setImmediate(() => {
      logger.remove(file);
      logger.silent = logger.transports.length === 0;
    });
    setTimeout(() => {
      if (!logger.writableEnded) addFile(logger, filename);
    }, FILE_AGAIN_MS).unref();
  };
  file.on('error', giveUp);
  // winston (3.19) keeps to itself what the file says, and then waits for it for ever, with the lines for all others.
  file.on('open', () => (file as unknown as { readonly _dest: Writable })._dest.once('error', giveUp));
  logger.add(file);
  logger.silent = false;
}

function peoplesFormat(colour: boolean): winston.Logform.Format {
  const line = winston.format.printf((info) => peoplesLine(info, new Date(), colour));
  return winston.format.combine(winston.format((info) => (info['isForFile'] === true ? false : info))(), line);
}
