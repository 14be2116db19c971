/** Facts with fields: lines for people on standard error, JSON lines in a rotated file. */
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
  const transports: winston.transport[] = [];
  if (sinks.stderr) {
    transports.push(new winston.transports.Console({ stderrLevels: [...LOG_LEVELS], format: peoplesFormat(sinks.colour) }));
  }
  if (sinks.file !== undefined) {
    const format = winston.format.combine(winston.format.timestamp(), winston.format.json());
    transports.push(new winston.transports.File({ filename: sinks.file, maxsize: FILE_BYTES_MAX, maxFiles: FILES_MAX, tailable: true, format }));
  }
  const logger = winston.createLogger({ level: sinks.level, silent: transports.length === 0, transports });
  // A full disk must not end the node: the line is lost, the reason is shown once on standard error.
  let isFileBroken = false;
  logger.on('error', (error: Error) => {
    if (!isFileBroken) process.stderr.write(`log: cannot write ${sinks.file ?? 'standard error'}: ${error.message}\n`);
    isFileBroken = true;
  });
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

function peoplesFormat(colour: boolean): winston.Logform.Format {
  const line = winston.format.printf((info) => peoplesLine(info, new Date(), colour));
  return winston.format.combine(winston.format((info) => (info['isForFile'] === true ? false : info))(), line);
}
