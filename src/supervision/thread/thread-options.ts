/** How a thread of ours is started: from sources or compiled, without what was meant for the main thread only. */
import type { WorkerOptions } from 'node:worker_threads';

/**
 * What says how modules are loaded. All else that a process was started with, such as `--input-type`, `--inspect` or
 * `--max-old-space-size`, is not for its threads; some of it keeps them from starting.
 */
const LOADING = new Set(['--import', '--require', '-r', '--loader', '--experimental-loader', '--conditions', '-C']);

/** @param file beside this one, without its ending */
export function threadOptions(file: string, options: WorkerOptions): [URL, WorkerOptions] {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const given = loadingArguments(process.execArgv);
  const entry = new URL(`${file}${ending}`, import.meta.url);
  return [given.some(isTsx) ? throughTsx(entry) : entry, { ...options, execArgv: given.filter((argument) => !isTsx(argument)).flat() }];
}

type Argument = readonly [flag: string, value: string];

/** @param given as `process.execArgv` holds them: `--import x` or `--import=x` */
export function loadingArguments(given: readonly string[]): readonly Argument[] {
  return given.flatMap((argument, at) => {
    const [flag = '', value = given[at + 1]] = argument.split(/=(.*)/s, 2);
    return LOADING.has(flag) && value !== undefined ? [[flag, value]] : [];
  });
}

function isTsx([, value]: Argument): boolean {
  return /^tsx(\/|$)|\/tsx\/dist\//.test(value);
}

/** tsx, which runs sources in development, arms only the main thread by itself. */
function throughTsx(entry: URL): URL {
  const tsx = import.meta.resolve('tsx/esm/api');
  return new URL(`data:text/javascript,import{register}from${JSON.stringify(tsx)};register();await import(${JSON.stringify(entry.href)})`);
}
