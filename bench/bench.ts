/** What the README claims, measured in one run. Figures differ between machines; the ratios less so. */
import { messageContenders, restartMicros } from './actors-bench.ts';
import { median, quantile, race } from './rounds.ts';
import { telemetryPerSecond } from './telemetry-bench.ts';

const ROUNDS = 9;
const RESTARTS = 3_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

say(`Node.js ${process.version}, ${process.platform} ${process.arch}, medians of ${ROUNDS} rounds in turn`);
say('');
say('one message                     per second   CPU µs   against bare nact');
const outcomes = await race(await messageContenders(), ROUNDS);
const nact = outcomes.find(({ name }) => name === 'bare nact');
for (const { name, perSecond, cpuMicros } of outcomes) {
  const ratio = nact === undefined ? Number.NaN : perSecond / nact.perSecond;
  say(`  ${name.padEnd(27)} ${whole.format(perSecond).padStart(13)}  ${cpuMicros.toFixed(3).padStart(7)}   × ${ratio >= 10 ? whole.format(ratio) : ratio.toFixed(1)}`);
}

const micros = await restartMicros(RESTARTS);
say('');
say(`restart of one child, crash to running   median ${whole.format(median(micros))} µs, p99 ${whole.format(quantile(micros, 0.99))} µs, of ${whole.format(RESTARTS)}`);

const alone = await telemetryPerSecond(false);
const tailed = await telemetryPerSecond(true);
say('');
say('telemetry, one agent stream, agent → node, records of 5 samples, 32 to a batch');
say(`  nobody listens              ${whole.format(alone.recordsPerS).padStart(13)} records/s`);
say(`  an operator tails           ${whole.format(tailed.recordsPerS).padStart(13)} records/s, of which shown ${whole.format(tailed.tailedPerS)}/s`);
process.exit(0);
