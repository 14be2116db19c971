/**
 * `npm run bench:memberlist`: a mesh of ours beside one of HashiCorp's memberlist, as Debian packages it. Each is in one
 * process, with real sockets, in a network of its own; same machine, same profile, same number of nodes, in turn.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { makePrograms } from './memberlist/programs.ts';
import { report } from './memberlist/report.ts';
import { Bench, type Plan } from './memberlist/rounds.ts';

interface Flags extends Plan {
  readonly quick: boolean;
  readonly json: boolean;
}

const QUICK = { rounds: 4, seconds: 20 };

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function parseFlags(argv: readonly string[]): Flags {
  const command = new Command('bench:memberlist')
    .description("A mesh of ours beside one of HashiCorp's memberlist: joins, goodbyes, deaths, and what they take for dead that lives. Some 19 minutes.")
    .addOption(new Option('--nodes <numbers>', 'sizes of the mesh').default([16, 32], '16,32').argParser((text) => text.split(',').map(whole(4, 128))))
    .addOption(new Option('--rounds <number>', 'joins of each size; every second one goes on with a goodbye and a death').default(20).argParser(whole(1, 1_000)))
    .addOption(new Option('--seconds <number>', 'of lost packets, and of busy cores; half of it of idleness').default(120).argParser(whole(2, 3_600)))
    .addOption(new Option('--profile <name>', 'timing of both').default('lan').choices(['lan', 'wan', 'local']))
    .option('--quick', 'four rounds and 20 seconds: a few minutes', false)
    .option('--json', 'print all figures as JSON', false);
  const flags = command.parse(argv, { from: 'user' }).opts<Flags>();
  return flags.quick ? { ...flags, ...QUICK } : flags;
}

const flags = parseFlags(process.argv.slice(2));
const startedAt = performance.now();
const programs = makePrograms();
const bench = new Bench(flags, programs, (line) => process.stderr.write(`${line}\n`));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void bench.end().then(() => process.exit(1)));
try {
  const measured = await bench.measure();
  if (flags.json) console.log(JSON.stringify(Object.fromEntries(measured), undefined, 2));
  else for (const line of report(measured, { ...flags, ...programs, minutes: (performance.now() - startedAt) / 60_000, isIsolated: bench.isIsolated })) console.log(line);
} finally {
  await bench.end();
}
