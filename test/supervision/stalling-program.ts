/** A program whose loop stands still: run as a process of its own by the tests of the watchdog. */
import { execSync } from 'node:child_process';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';
import { systemRandom } from '../../src/random.ts';
import { ActorSystem } from '../../src/supervision/system.ts';
import { watchLoop } from '../../src/supervision/watchdog/watchdog.ts';

const [how = '', reportFile = '', logFile = ''] = process.argv.slice(2);

function spin(forMs: number): void {
  for (const until = performance.now() + forMs; performance.now() < until; );
}

const log = createLog({ node: 'n1', level: 'info', file: logFile, stderr: true, colour: false });
watchLoop({
  log,
  degradedMs: 400,
  stallLimitMs: 2_000,
  reportFile,
  onLag: ({ stalledMs, turn }) => {
    process.stdout.write(`lag ${Math.round(stalledMs)} ${turn?.path}\n`);
    process.exit(0);
  },
});
const system = new ActorSystem({ clock: systemClock, random: systemRandom, log });
const staller = {
  init: () => undefined,
  async receive() {
    if (how === 'loop') for (;;);
    if (how === 'short') return spin(900);
    if (how === 'native') execSync('sleep 20');
    await new Promise((resolve) => setImmediate(resolve));
    for (;;);
  },
};
await system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [{ type: 'worker', id: 'staller', start: () => staller }] }, () => undefined);
// The watchdog's own thread needs a moment before it sees anything.
setTimeout(() => (how === 'nobody' ? spin(600_000) : system.ref('/staller').send('stall')), 2_500);
