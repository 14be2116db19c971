/**
 * `npm run bench:lifeguard`: a quarter of a simulated mesh stands still for a moment, again and again, and nobody dies. How
 * often is somebody called dead all the same, with Lifeguard and without, in the same storms? In the end one node does die, to
 * see what the caution costs.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Profile } from '../src/actors/membership/profile.ts';
import { formatTable } from '../src/cli/format-table.ts';
import { paintFor } from '../src/cli/paint.ts';
import { stutter, WITHOUT_LIFEGUARD } from '../test/simulation/stutter.ts';
import { median } from './rounds.ts';

/** What is ours beyond SWIM and Lifeguard, reminders and corrections, is in all of them. */
const KINDS: readonly { readonly name: string; readonly tuning: Partial<Profile> }[] = [
  { name: 'without', tuning: WITHOUT_LIFEGUARD },
  // Without an eye on its own loop.
  { name: 'as in the paper', tuning: { lateAfterMs: Infinity } },
  { name: 'ours', tuning: {} },
];

/** The paper's headline. */
const TARGET = 50;

const COLUMNS = [
  { head: 'NODES', align: 'right' },
  { head: 'LIFEGUARD' },
  ...['FALSE DEATHS', 'OF STEADY', 'ACCUSATIONS', 'OF STEADY', 'FIRST s', 'ALL s'].map((head) => ({ head, align: 'right' }) as const),
] as const;

interface Flags {
  readonly nodes: readonly number[];
  readonly seeds: number;
  readonly seconds: number;
  readonly json: boolean;
}

interface Count {
  deaths: number;
  /** Of nodes that never stood still. */
  deathsOfSteady: number;
  /** A node's own probes that ended in an accusation, of any and of those that never stood still. */
  accusations: number;
  accusationsOfSteady: number;
  /** The true death: until the first, and until all that never stood still know it. */
  readonly firstMs: number[];
  readonly allMs: number[];
}

function parseFlags(argv: readonly string[]): Flags {
  return new Command('bench:lifeguard')
    .description('False deaths in a simulated mesh of which a quarter stands still again and again.')
    .addOption(new Option('--nodes <numbers>', 'sizes of the mesh').default([16, 32, 50], '16,32,50').argParser((text) => text.split(',').map(whole(4, 1_000))))
    .addOption(new Option('--seeds <number>', 'storms for each size').default(5).argParser(whole(1, 1_000)))
    .addOption(new Option('--seconds <number>', 'virtual seconds of each storm').default(120).argParser(whole(1, 3_600)))
    .option('--json', 'print the figures as JSON', false)
    .parse(argv, { from: 'user' })
    .opts<Flags>();
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function run(nodes: number, seed: number, seconds: number, tuning: Partial<Profile>, count: Count): void {
  const { falseDeaths, accusations, steady, firstMs, allMs } = stutter({ seed, nodes, forMs: seconds * 1_000, tuning });
  const ofSteady = (beliefs: typeof accusations): number => beliefs.filter(({ event }) => steady.has(event.member)).length;
  count.deaths += falseDeaths.length;
  count.deathsOfSteady += ofSteady(falseDeaths);
  count.accusations += accusations.length;
  count.accusationsOfSteady += ofSteady(accusations);
  count.firstMs.push(firstMs);
  count.allMs.push(allMs);
}

function measure({ nodes, seeds, seconds }: Flags): Map<string, Count>[] {
  return nodes.map((size) => {
    const counts = new Map<string, Count>(KINDS.map(({ name }) => [name, { deaths: 0, deathsOfSteady: 0, accusations: 0, accusationsOfSteady: 0, firstMs: [], allMs: [] }]));
    for (let seed = 1; seed <= seeds; seed++) {
      if (process.stderr.isTTY) process.stderr.write(`\r${size} nodes, storm ${seed} of ${seeds}\u001b[K`);
      for (const { name, tuning } of KINDS) run(size, seed, seconds, tuning, counts.get(name)!);
    }
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    return counts;
  });
}

function report(flags: Flags, sizes: readonly Map<string, Count>[]): string[] {
  const seconds = (values: readonly number[]): string => (median(values) / 1_000).toFixed(1);
  const rows = sizes.flatMap((counts, i) =>
    [...counts].map(([name, { deaths, deathsOfSteady, accusations, accusationsOfSteady, firstMs, allMs }]) => [
      String(flags.nodes[i]), name, String(deaths), String(deathsOfSteady), String(accusations), String(accusationsOfSteady), seconds(firstMs), seconds(allMs),
    ]),
  );
  const deathsOf = (kind: string): number => sizes.reduce((sum, counts) => sum + counts.get(kind)!.deaths, 0);
  const [without, ours] = [deathsOf('without'), deathsOf('ours')];
  const ratio = without / Math.max(1, ours);
  return [
    `a quarter of the nodes stands still for 0.5 to 5 s, again and again: ${flags.seeds} storms of ${flags.seconds} virtual seconds for each size and kind`,
    '',
    ...formatTable(COLUMNS, rows, paintFor(false, {})),
    '',
    'steady: nodes that never stood still; first, all: medians until the steady know of one that did die',
    verdict(ratio, without, ours),
  ];
}

function verdict(ratio: number, without: number, ours: number): string {
  const figures = ours === 0 ? `none against ${without} without` : `${ours} against ${without} without, ${ratio.toFixed(0)} × fewer`;
  if (ratio >= TARGET) return `false deaths: ${figures}; the target of ${TARGET} × fewer is met`;
  const why = without < TARGET ? `without there were too few to show ${TARGET} ×: more --seeds` : 'the caution does not suffice';
  return `false deaths: ${figures}; the target of ${TARGET} × fewer is MISSED: ${why}`;
}

const flags = parseFlags(process.argv.slice(2));
const sizes = measure(flags);
if (flags.json) console.log(JSON.stringify(sizes.map((counts, i) => ({ nodes: flags.nodes[i], kinds: Object.fromEntries(counts) })), undefined, 2));
else for (const line of report(flags, sizes)) console.log(line);
