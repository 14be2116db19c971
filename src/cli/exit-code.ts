/** What a command's end tells a script. Codes for faults stand in ERROR_CATALOGUE beside their meaning. */
import { constants } from 'node:os';
import { ERROR_CATALOGUE, findMeshError } from '../errors.ts';
import type { StopSignal } from './command.ts';

export const DONE = 0;
export const FAILED = 1;
export const MISUSED = 2;

export function exitCodeOf(error: unknown): number {
  const fault = findMeshError(error);
  return fault === undefined ? ERROR_CATALOGUE.INTERNAL.exitCode : ERROR_CATALOGUE[fault.code].exitCode;
}

/** 128 + the signal's number, as shells have it. */
export function exitCodeOfSignal(signal: StopSignal): number {
  return 128 + constants.signals[signal];
}
