/** What the same costs in Erlang/OTP, where it is installed. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SOURCE = new URL('erlang/supervision_bench', import.meta.url).pathname;
/** It takes some ten seconds. */
const TIMEOUT_MS = 120_000;

export interface OtpFigures {
  readonly release: string;
  /** CPU microseconds for a message: to a bare process, and to a supervised gen_server. */
  readonly bang: number;
  readonly cast: number;
  /** CPU microseconds for the start of a child. */
  readonly start: number;
  /** Median microseconds from crash to running. */
  readonly restart: number;
  /** Milliseconds until ten thousand run again. */
  readonly storm: number;
  /** Bytes for a child. */
  readonly memory: number;
}

/** @returns undefined where there is no `erl` on the path */
export async function otpFigures(): Promise<OtpFigures | undefined> {
  const beams = mkdtempSync(join(tmpdir(), 'mesh-bench-erl-'));
  const main = [
    `io:format("release ~s~n", [erlang:system_info(otp_release)]),`,
    `{ok, _} = compile:file(${JSON.stringify(SOURCE)}, [report, {outdir, ${JSON.stringify(beams)}}]),`,
    `supervision_bench:main().`,
  ].join(' ');
  try {
    // One scheduler that does not spin, as Node has one thread for JavaScript.
    const flags = ['+S', '1:1', '+sbwt', 'none', '+P', '1000000', '-noshell', '-pa', beams, '-eval', main];
    const { stdout } = await promisify(execFile)('erl', flags, { timeout: TIMEOUT_MS });
    const figures = new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
    const figure = (name: string): number => Number(figures.get(name));
    return {
      release: figures.get('release') ?? '?',
      bang: figure('bang'),
      cast: figure('cast'),
      start: figure('start'),
      restart: figure('restart'),
      storm: figure('storm'),
      memory: figure('memory'),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    rmSync(beams, { recursive: true, force: true });
  }
}
