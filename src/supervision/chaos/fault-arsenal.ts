/** The faults of `fault.ts` as a storm uses them: short ones, for the next is never far. */
import type { Fault, FaultOrder } from './fault.ts';
import { FAULT_DEFAULTS, isLasting } from './fault.ts';
import type { FaultInjector } from './injector.ts';
import type { Choice, Target } from './storm-choice.ts';
import type { Arsenal } from './storm.ts';

/** A hang of up to a second and a half is one that rooms notice, whose questions wait for two. */
const HANG_MS = { least: 100, most: 1_500 };
const SLOW_MS = 50;
const BURDEN_MS = 1_000;
const LEAK_MEBIBYTES = 8;

export class FaultArsenal implements Arsenal<Fault> {
  readonly faults: readonly Fault[];
  readonly #injector: FaultInjector;
  readonly #by: string;
  readonly #reverts = new Map<string, () => void>();
  readonly #stilled = new Set<string>();

  constructor(injector: FaultInjector, faults: readonly Fault[], by: string) {
    this.#injector = injector;
    this.faults = faults;
    this.#by = by;
  }

  get stilled(): ReadonlySet<string> {
    return this.#stilled;
  }

  get afflicted(): ReadonlySet<string> {
    return new Set(this.#reverts.keys());
  }

  /** A supervisor that does not answer is no fault of what it supervises: it only ends. */
  suits(fault: Fault, { type }: Target): boolean {
    return type === 'worker' || fault === 'kill' || fault === 'crash';
  }

  effectOf(fault: Fault): 'ends' | 'stills' | 'bears' {
    if (fault === 'kill' || fault === 'crash') return 'ends';
    return fault === 'hang' ? 'stills' : 'bears';
  }

  strike({ fault, path, force }: Choice<Fault>): 'inflicted' | 'no-life' | 'occupied' {
    const order = orderOf(fault, force);
    const struck = this.#injector.inflict(path, order, this.#by, () => {
      this.#reverts.delete(path);
      this.#stilled.delete(path);
    });
    if (struck.outcome === 'inflicted' && isLasting(fault)) {
      this.#reverts.set(path, struck.revert);
      if (fault === 'hang') this.#stilled.add(path);
    }
    return struck.outcome;
  }

  revert(): void {
    for (const revert of this.#reverts.values()) revert();
  }
}

function orderOf(fault: Fault, force: number): FaultOrder {
  const forMs = fault === 'hang' ? Math.round(HANG_MS.least + force * (HANG_MS.most - HANG_MS.least)) : BURDEN_MS;
  return { fault, forMs, delayMs: Math.ceil(force * SLOW_MS), messages: FAULT_DEFAULTS.messages, mebibytes: 1 + Math.floor(force * LEAK_MEBIBYTES) };
}
