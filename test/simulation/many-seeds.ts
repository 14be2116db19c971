/** Many storms at once, each in a process of its own: one that throws or runs out of memory ends none of the others. */
import { spawn } from 'node:child_process';
import type { Report } from './run.ts';

interface Broken {
  readonly seed: number;
  /** One line each, with the law and the seed. */
  readonly violations: readonly string[];
}

export interface ManySeeds {
  readonly seeds: readonly number[];
  /** For each storm, the seed left out. */
  readonly flags: readonly string[];
  readonly jobs: number;
  /** Called when one more is over. */
  readonly onOver: (over: number, broken: readonly Broken[]) => void;
}

export interface Held {
  readonly broken: readonly Broken[];
  /** Obligations looked at, by law. */
  readonly judged: ReadonlyMap<string, number>;
}

export async function runMany({ seeds, flags, jobs, onOver }: ManySeeds): Promise<Held> {
  const waiting = [...seeds];
  const broken: Broken[] = [];
  const judged = new Map<string, number>();
  let over = 0;
  const work = async (): Promise<void> => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      const outcome = await runOne(seed, flags);
      const violations = typeof outcome === 'string' ? [`seed ${seed}: the simulation itself failed: ${outcome}`] : violationsOf(outcome);
      if (violations.length > 0) broken.push({ seed, violations });
      if (typeof outcome !== 'string') for (const law of outcome.laws) judged.set(law.law, (judged.get(law.law) ?? 0) + law.judged);
      onOver(++over, broken);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { broken: broken.sort((a, b) => a.seed - b.seed), judged };
}

export function violationsOf({ laws }: Pick<Report, 'laws'>): string[] {
  return laws.flatMap(({ law, violations }) => violations.map((violation) => `${law}: ${violation}`));
}

/** The report, or what the process said when it made none. */
function runOne(seed: number, flags: readonly string[]): Promise<Report | string> {
  const script = new URL('run.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [...process.execArgv, script, ...flags, '--seed', String(seed), '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, complained]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => complained.push(bytes));
  return new Promise((resolve) => {
    child.once('close', () => {
      const text = Buffer.concat(said).toString();
      resolve(text.startsWith('{') ? (JSON.parse(text) as Report) : Buffer.concat(complained).toString().trim());
    });
  });
}
