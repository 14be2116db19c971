/** What an operator asked to be broken, checked: every fault of it has its limits. Pure. */
import { MeshError } from '../../errors.ts';
import { FAULT_DEFAULTS, FAULT_LIMITS, FAULTS } from '../../supervision/chaos/fault.ts';
import type { Fault, FaultOrder } from '../../supervision/chaos/fault.ts';
import type { MinRunning } from '../../supervision/chaos/storm-rails.ts';
import type { FaultRequest__Output } from '../../transport/generated/omega/mesh/v1/FaultRequest.ts';
import type { StormRequest__Output } from '../../transport/generated/omega/mesh/v1/StormRequest.ts';

/** A storm of an hour is a soak; whoever wants a longer one starts the next. */
const STORM_MAX_MS = 3_600_000;
/** Each fault is thought through on copies of the supervisors: some hundred microseconds, and a walk over the tree. */
const RATE_MAX_PER_S = 200;

/** @throws MeshError BAD_ARGUMENT */
export function faultOrder({ fault, forMs, delayMs, messages, mebibytes }: FaultRequest__Output): FaultOrder {
  return {
    fault: faultOf(fault),
    forMs: within('for', forMs, FAULT_LIMITS.forMs, ' ms') || FAULT_DEFAULTS.forMs,
    delayMs: within('ms', delayMs, FAULT_LIMITS.delayMs, '') || FAULT_DEFAULTS.delayMs,
    messages: within('messages', messages, FAULT_LIMITS.messages, '') || FAULT_DEFAULTS.messages,
    mebibytes: within('mib', mebibytes, FAULT_LIMITS.mebibytes, '') || FAULT_DEFAULTS.mebibytes,
  };
}

export interface StormOrder {
  readonly seed: number;
  readonly forMs: number;
  readonly ratePerS: number;
  readonly minRunning: MinRunning;
  readonly faults: readonly Fault[];
}

/** @throws MeshError BAD_ARGUMENT */
export function stormOrder({ seed, forMs, ratePerS, minRunning, faults }: StormRequest__Output): StormOrder {
  within('for', forMs, STORM_MAX_MS, ' ms');
  within('rate', ratePerS, RATE_MAX_PER_S, ' a second');
  if (forMs === 0 || ratePerS === 0) throw new MeshError('BAD_ARGUMENT', 'a storm needs a time and a rate', { todo: 'give both, such as --for 30s --rate 20' });
  return { seed, forMs, ratePerS, minRunning: minRunningOf(minRunning), faults: faults.length === 0 ? FAULTS : faults.map(faultOf) };
}

function faultOf(word: string): Fault {
  const fault = FAULTS.find((known) => known === word);
  if (fault !== undefined) return fault;
  throw new MeshError('BAD_ARGUMENT', `there is no fault "${word}"`, { given: word, expected: `one of ${FAULTS.join(', ')}` });
}

function minRunningOf(text: string): MinRunning {
  const [, number = '', percent] = /^(\d{1,7})(%?)$/.exec(text) ?? [];
  if (number !== '' && percent === '') return { children: Number(number) };
  if (number !== '' && Number(number) <= 100) return { percent: Number(number) };
  throw new MeshError('BAD_ARGUMENT', `--min-running is "${text}"`, { given: text, expected: 'a number of actors, or a share of them such as 50%' });
}

function within(option: string, value: number, max: number, unit: string): number {
  if (value >= 0 && value <= max) return value;
  throw new MeshError('BAD_ARGUMENT', `--${option} is ${value}`, { given: String(value), expected: `up to ${max}${unit}` });
}
