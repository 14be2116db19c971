/**
 * systemd, or whoever speaks as it does: sd_notify(3). Node has no datagram sockets of the unix family, so
 * `systemd-notify` speaks for us: it is there wherever systemd is, needs no native code in our process, and since
 * systemd 246 it waits until its words were heard, which is what lets them be attributed to the unit. They come from
 * another process than the main one: the unit needs NotifyAccess=all.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../clock.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whose words these are is for one process to use: a child that inherits them would speak for its parent. */
export const NOTIFY_VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** systemd-notify itself waits five seconds to be heard. */
const SPEAK_TIMEOUT_MS = 6_000;

export interface ServiceManager {
  /** Variables of sd_notify(3). They arrive in order; those said while others are under way go together, the last of a name wins. */
  notify(variables: Readonly<Record<string, string>>): void;
  /** Has `beat` run twice in each interval in which the manager wants a sign of life, if it wants any. */
  watch(beat: () => void): void;
  /** Stops the beat. Resolves when all was said, or could not be. */
  close(): Promise<void>;
}

/**
 * The manager that started this process, if there is one that wants to hear.
 * @param warn told once, when the manager cannot be reached
 */
export function serviceManager(env: Environment, clock: Clock, warn: (text: string) => void): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, PATH: path } = env;
  if (socket === undefined || socket === '') return undefined;
  const beatEveryMs = beatInterval(env);
  let hasWarned = false;
  let waiting: Record<string, string> = {};
  let speaking: Promise<void> | undefined;
  let isClosed = false;

  const speak = async (): Promise<void> => {
    while (Object.keys(waiting).length > 0) {
      const said = Object.entries(waiting).map(([name, value]) => `${name}=${value}`);
      waiting = {};
      const fault = await runSystemdNotify(said, { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) });
      if (fault !== undefined && !hasWarned) warn(`the service manager at ${socket} does not hear: ${fault}`);
      hasWarned ||= fault !== undefined;
    }
    speaking = undefined;
  };

  return {
    notify(variables) {
      waiting = { ...waiting, ...variables };
      speaking ??= speak();
    },
    watch(beat) {
      if (beatEveryMs === undefined || isClosed) return;
      clock.setTimer(beatEveryMs, () => {
        if (isClosed) return;
        beat();
        this.watch(beat);
      });
    },
    async close() {
      isClosed = true;
      await speaking;
    },
  };
}

/** Half of what sd_watchdog_enabled(3) asks for, which is also its advice. */
function beatInterval({ WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid }: Environment): number | undefined {
  const interval = Number(microseconds ?? Number.NaN);
  const isForUs = pid === undefined || pid === String(process.pid);
  return isForUs && Number.isSafeInteger(interval) && interval > 0 ? interval / 2_000 : undefined;
}

/** @returns what went wrong */
async function runSystemdNotify(said: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const child = spawn('systemd-notify', said, { env, stdio: 'ignore', timeout: SPEAK_TIMEOUT_MS });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code === 0 ? undefined : `systemd-notify ended with ${signal ?? code}`;
  } catch (error) {
    // Some reasons for which no process can be made are thrown, others are an event, which `once` throws too.
    return error instanceof Error ? error.message : String(error);
  }
}
