/** Rounds of several contenders in turn, so that a machine whose speed drifts is unfair to none; medians and ratios. */

export interface Contender {
  readonly name: string;
  /** Does the work once and returns how many operations that were. */
  run(): Promise<number>;
}

export interface Outcome {
  readonly name: string;
  /** Median over the rounds, operations per second of wall time. */
  readonly perSecond: number;
  /** Median over the rounds, microseconds of CPU per operation, of the whole process. */
  readonly cpuMicros: number;
}

export async function race(contenders: readonly Contender[], rounds: number): Promise<readonly Outcome[]> {
  const seen = new Map<string, { perSecond: number[]; cpuMicros: number[] }>();
  for (let round = -1; round < rounds; round++) {
    for (const contender of contenders) {
      const cpu = process.cpuUsage();
      const startedAt = performance.now();
      const operations = await contender.run();
      const seconds = (performance.now() - startedAt) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      // The first round warms up the compiler.
      if (round < 0) continue;
      const figures = seen.get(contender.name) ?? { perSecond: [], cpuMicros: [] };
      seen.set(contender.name, figures);
      figures.perSecond.push(operations / seconds);
      figures.cpuMicros.push((user + system) / operations);
    }
  }
  return [...seen].map(([name, { perSecond, cpuMicros }]) => ({ name, perSecond: median(perSecond), cpuMicros: median(cpuMicros) }));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
