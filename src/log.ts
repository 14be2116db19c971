/** Facts with fields: lines for people on standard error, JSON lines in a rotated file. */
import { Writable } from 'node:stream';
import winston from 'winston';
import { LineFile } from './line-file.ts';
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

/** A disk that hangs must not keep the process from ending. */
const CLOSE_MAX_MS = 1_000;

export interface NodeLog extends Logger {
  /** Where it writes, for a thread that writes when this one cannot; none for a log that keeps silent. */
  readonly sinks?: LogSinks;
  /** Resolves when everything said so far has been written. */
  close(): Promise<void>;
}

export const silentLog: NodeLog = { log: () => undefined, close: () => Promise.resolve() };

export function createLog(sinks: LogSinks): NodeLog {
  const logger = winston.createLogger({ level: sinks.level, transports: [], silent: true });
  // Of trouble with standard error nobody can be told.
  logger.on('error', () => undefined);
  if (sinks.stderr) logger.add(new winston.transports.Console({ stderrLevels: [...LOG_LEVELS], format: peoplesFormat(sinks.colour) }));
  const file = sinks.file === undefined ? undefined : lineFile(sinks.file);
  if (file !== undefined) logger.add(fileTransport(file));
  logger.silent = logger.transports.length === 0;
  return {
    sinks,
    log: (level, event, fields) => void logger.log({ ...fields, level, message: event, event, node: sinks.node }),
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, CLOSE_MAX_MS);
        const closed = (): void => {
          clearTimeout(timer);
          resolve();
        };
        logger.once('finish', () => void (file === undefined ? closed() : file.close().then(closed)));
        logger.end();
      }),
  };
}

/** Not winston's own file, which loses lines when it is rotated in a storm. A full disk costs lines, and nothing else. */
function lineFile(path: string): LineFile {
  return new LineFile(path, (error) => process.stderr.write(`log: cannot write ${path}: ${(error as Error).message}; lines are lost until it can be\n`));
}

function fileTransport(file: LineFile): winston.transport {
  const write = (line: string, _encoding: string, done: () => void): void => {
    file.write(line);
    done();
  };
  const format = winston.format.combine(winston.format.timestamp(), winston.format.json());
  return new winston.transports.Stream({ stream: new Writable({ decodeStrings: false, write }), eol: '', format });
}

function peoplesFormat(colour: boolean): winston.Logform.Format {
  const line = winston.format.printf((info) => peoplesLine(info, new Date(), colour));
  return winston.format.combine(winston.format((info) => (info['isForFile'] === true ? false : info))(), line);
}
