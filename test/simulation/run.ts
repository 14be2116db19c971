/**
 * `npm run simulate -- --seed 7 --nodes 50`: a storm over a mesh in one process, and whether the laws held.
 * `npm run simulate -- --seeds 200 --nodes 50`: the storms 1 to 200, as many at once as there are cores.
 * `npm run simulate -- --nodes 1000 --seconds 150`: a thousand that start at once, and a round of faults, in ten minutes or more.
 */
import { availableParallelism } from 'node:os';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import Table from 'cli-table3';
import type { ProfileName } from '../../src/actors/membership/profile.ts';
import { judge, type Verdict } from './laws.ts';
import { runMany, violationsOf, type Held } from './many-seeds.ts';
import { hashOf } from './mesh-simulation.ts';
import { storm, weatherOf } from './storm.ts';

interface Flags {
  readonly seed: number;
  readonly seeds: number | undefined;
  readonly nodes: number;
  readonly seconds: number;
  readonly loss: number | undefined;
  readonly profile: ProfileName;
  readonly json: boolean;
}

export interface Report {
  readonly seed: number;
  readonly nodes: number;
  readonly virtualSeconds: number;
  readonly wallMs: number;
  readonly events: number;
  /** Of everything that happened: the same seed and flags give the same. */
  readonly hash: string;
  readonly laws: readonly Verdict[];
}

const EXIT = { held: 0, broken: 1, misused: 2 } as const;
/** Where nothing can be wiped away. */
const SECONDS_A_LINE = 10;
const STORMS_A_LINE = 20;
/** One screen; the seed brings all of them back. */
const VIOLATIONS_SHOWN = 10;

function parseFlags(argv: readonly string[]): Flags {
  const command = new Command('simulate')
    .description('Runs a mesh of simulated nodes through crashes, pauses, false accusations, restarts, goodbyes and partitions,\nall grown from one seed, and judges whether the laws of membership held.')
    .addOption(new Option('--seed <number>', 'the storm to run').default(1).argParser(whole(0, 2 ** 31)))
    .addOption(new Option('--seeds <count>', 'the storms from 1 to this, at once on all cores, and what they broke').conflicts(['seed']).argParser(whole(1, 100_000)))
    .addOption(new Option('--nodes <number>', 'size of the mesh').default(20).argParser(whole(2, 1_000)))
    .addOption(new Option('--seconds <number>', 'virtual time to run for').default(180).argParser(whole(1, 86_400)))
    .addOption(new Option('--loss <share>', 'share of packets that get lost').default(undefined, 'up to 0.05, by the seed').argParser(share))
    .addOption(new Option('--profile <name>', 'timing of the protocol').default('lan').choices(['lan', 'wan', 'local']))
    .option('--json', 'print the verdicts as JSON', false)
    .addHelpText('after', '\nExits 0 when all laws held, 1 when one was broken, 2 when it was called wrongly.')
    .allowExcessArguments(false)
    .exitOverride();
  return command.parse(argv, { from: 'user' }).opts<Flags>();
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function share(text: string): number {
  const number = Number(text);
  if (text !== '' && number >= 0 && number <= 0.9) return number;
  throw new InvalidArgumentError('It must be a number from 0 to 0.9.');
}

function simulate({ seed, nodes, seconds, loss, profile, json }: Flags): Report {
  const weather = { ...weatherOf(seed), ...(loss === undefined ? {} : { loss }) };
  const startedAt = performance.now();
  const simulation = storm({ seed, nodes, profile, forMs: seconds * 1_000, weather, onSecond: json ? () => undefined : progress(seconds) });
  const history = simulation.history();
  const laws = judge(history);
  return { seed, nodes, virtualSeconds: seconds, wallMs: Math.round(performance.now() - startedAt), events: history.beliefs.length, hash: hashOf(history), laws };
}

/** On a terminal a line that is wiped away at the end; elsewhere one now and then, for large meshes take minutes. */
function progress(seconds: number): (second: number) => void {
  const startedAt = performance.now();
  return (second) => {
    const words = (): string => `${second} of ${seconds} virtual seconds in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s, ${(process.memoryUsage().rss / 2 ** 30).toFixed(1)} GiB`;
    if (process.stderr.isTTY) process.stderr.write(second === seconds ? '\r\u001b[K' : `\r${words()}`);
    else if (second % SECONDS_A_LINE === 0) process.stderr.write(`${words()}\n`);
  };
}

function formatReport({ seed, nodes, virtualSeconds, wallMs, events, hash, laws }: Report): string {
  const table = new Table({ head: ['law', 'promise', 'judged', 'broken', ''], style: { head: [], border: [] } });
  for (const { law, promise, judged, violations } of laws) {
    const verdict = violations.length > 0 ? 'BROKEN' : judged > 0 ? 'held' : 'not tested: run for longer';
    table.push([law, promise, judged, violations.length, verdict]);
  }
  const violations = violationsOf({ laws });
  const more = violations.length > VIOLATIONS_SHOWN ? [`… and ${violations.length - VIOLATIONS_SHOWN} more`] : [];
  return [
    `seed ${seed}, ${nodes} nodes: ${virtualSeconds} virtual seconds in ${(wallMs / 1_000).toFixed(1)} s, ${events} events, history ${hash.slice(0, 16)}`,
    table.toString(),
    ...violations.slice(0, VIOLATIONS_SHOWN),
    ...more,
  ].join('\n');
}

async function simulateMany(count: number, { nodes, seconds, loss, profile, json }: Flags): Promise<number> {
  const startedAt = performance.now();
  const seeds = Array.from({ length: count }, (_, i) => i + 1);
  const flags = ['--nodes', String(nodes), '--seconds', String(seconds), '--profile', profile, ...(loss === undefined ? [] : ['--loss', String(loss)])];
  const held = await runMany({
    seeds,
    flags,
    jobs: availableParallelism(),
    onOver: (over, broken) => {
      const words = `${over} of ${count} storms, ${broken.length} broke a law`;
      if (process.stderr.isTTY) process.stderr.write(over === count ? '\r\u001b[K' : `\r${words}\u001b[K`);
      else if (over % STORMS_A_LINE === 0) process.stderr.write(`${words}\n`);
    },
  });
  const wallMs = Math.round(performance.now() - startedAt);
  console.log(json ? JSON.stringify({ nodes, virtualSeconds: seconds, wallMs, broken: held.broken, judged: Object.fromEntries(held.judged) }, undefined, 2) : formatMany(count, held, flags, wallMs));
  return held.broken.length > 0 ? EXIT.broken : EXIT.held;
}

function formatMany(count: number, { broken, judged }: Held, flags: readonly string[], wallMs: number): string {
  const laws = [...judged].map(([law, obligations]) => `${law} ${obligations}`).join(', ');
  const again = broken.map(({ seed }) => `npm run simulate -- --seed ${seed} ${flags.join(' ')}`);
  return [
    `${count} storms with ${flags.join(' ')} in ${(wallMs / 1_000).toFixed(0)} s: ${broken.length === 0 ? 'all laws held' : `${broken.length} broke a law`}`,
    `judged: ${laws}`,
    ...broken.flatMap(({ violations }) => violations).slice(0, VIOLATIONS_SHOWN),
    ...again.slice(0, VIOLATIONS_SHOWN),
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  let flags: Flags;
  try {
    flags = parseFlags(argv);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.held : EXIT.misused;
    throw error;
  }
  if (flags.seeds !== undefined) return await simulateMany(flags.seeds, flags);
  const report = simulate(flags);
  console.log(flags.json ? JSON.stringify(report, undefined, 2) : formatReport(report));
  return violationsOf(report).length > 0 ? EXIT.broken : EXIT.held;
}

process.exitCode = await main(process.argv.slice(2));
