/** What the README claims, measured in one run. Figures differ between machines; the ratios less so. */
import { messageContenders } from './actors-bench.ts';
import { otpFigures } from './erlang-bench.ts';
import type { OtpFigures } from './erlang-bench.ts';
import { childBytes, restartMicros, startMicros, stormMs } from './lives-bench.ts';
import { median, quantile, race } from './rounds.ts';
import { telemetryPerSecond } from './telemetry-bench.ts';

// With source maps on, as tsx has them, the stack of every crash costs more than the crash.
process.setSourceMapsEnabled(false);

const ROUNDS = 9;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });

say(`Node.js ${process.version}, ${process.platform} ${process.arch}, medians of ${ROUNDS} rounds in turn`);
const otp = await otpFigures();
say(otp === undefined ? 'Erlang/OTP is not installed: no figures to compare with (Debian: apt install erlang-base)' : `Erlang/OTP ${otp.release}, one scheduler, the same measurements`);
say('');
say('one message                        per second   CPU µs   against bare nact');
const outcomes = await race(await messageContenders(), ROUNDS);
const nact = outcomes.find(({ name }) => name === 'bare nact');
for (const { name, perSecond, cpuMicros } of outcomes) {
  const ratio = nact === undefined ? Number.NaN : perSecond / nact.perSecond;
  say(`  ${name.padEnd(30)} ${whole.format(perSecond).padStart(13)}  ${cpuMicros.toFixed(3).padStart(7)}   × ${ratio >= 10 ? whole.format(ratio) : ratio.toFixed(1)}`);
}
if (otp !== undefined) {
  say(`  ${'OTP, ! to a process'.padEnd(30)} ${''.padStart(13)}  ${otp.bang.toFixed(3).padStart(7)}`);
  say(`  ${'OTP, cast to a gen_server'.padEnd(30)} ${''.padStart(13)}  ${otp.cast.toFixed(3).padStart(7)}`);
}

const cpuOf = (lane: Lane): number => outcomes.find(({ name }) => name.endsWith(`lane ${lane}`))?.cpuMicros ?? Number.NaN;
const restarts = { turn: await restartMicros('turn'), queue: await restartMicros('queue') };

type Lane = keyof typeof restarts;

interface Row {
  readonly what: string;
  readonly target: number;
  readonly unit: string;
  measure(lane: Lane): number | Promise<number>;
  readonly otp: Exclude<keyof OtpFigures, 'release'>;
}

const ROWS: readonly Row[] = [
  { what: 'a child, of 100,000', target: 3_500, unit: 'bytes', measure: childBytes, otp: 'memory' },
  { what: 'a message', target: 0.15, unit: 'µs CPU', measure: cpuOf, otp: 'cast' },
  { what: 'restart of one child', target: 50, unit: 'µs', measure: (lane) => median(restarts[lane]), otp: 'restart' },
  { what: 'start of a child, of 10,000', target: 30, unit: 'µs CPU', measure: startMicros, otp: 'start' },
  { what: '10,000 crash at once, until all run', target: 1_500, unit: 'ms', measure: stormMs, otp: 'storm' },
];

say('');
say('supervision                                target   lane turn  lane queue         OTP');
for (const { what, target, unit, measure, otp: key } of ROWS) {
  const figures = [target, await measure('turn'), await measure('queue'), otp?.[key] ?? Number.NaN];
  const columns = figures.map((figure) => (Number.isNaN(figure) ? '–' : fine.format(Number(figure.toPrecision(3)))).padStart(11));
  say(`  ${what.padEnd(35)} ${columns.join(' ')}  ${unit}${(figures[1] ?? 0) <= target ? '' : ' (missed)'}`);
}
say(`  restart, 99 of 100 within ${whole.format(quantile(restarts.turn, 0.99))} µs (turn), ${whole.format(quantile(restarts.queue, 0.99))} µs (queue)`);

const alone = await telemetryPerSecond(false);
const tailed = await telemetryPerSecond(true);
say('');
say('telemetry, one agent stream, agent → node, records of 5 samples, 32 to a batch');
say(`  nobody listens              ${whole.format(alone.recordsPerS).padStart(13)} records/s`);
say(`  an operator tails           ${whole.format(tailed.recordsPerS).padStart(13)} records/s, of which shown ${whole.format(tailed.tailedPerS)}/s`);
process.exit(0);
