/**
 * Two minutes in which members come, leave and are killed, of Serf's agents and of ours, beside six that stay: nobody may
 * take one of the six for dead. Run with `npm run interop:churn [seconds]`.
 */
import { Playground } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';
import { SerfAgents, whatSerfLacks } from '../support/serf-agents.ts';
import type { SerfAgent } from '../support/serf-agents.ts';

const SEED = '127.0.43.1:17946';
const STAYING = ['s1', 's2', 's3', 'n1', 'n2', 'n3'];

interface Guest {
  readonly kind: string;
  leave(): Promise<unknown>;
  kill(): Promise<unknown>;
}

const lack = whatSerfLacks();
if (lack !== undefined) throw new Error(lack);
const seconds = Number(process.argv[2] ?? 120);
const play = new Playground();
const agents = new SerfAgents();

async function startOurs(name: string, bind: string): Promise<StartedNode> {
  return play.node(name, { bind, ports: ['17946', '0'], flags: ['--profile', 'local', '--join', SEED], readyWithinMs: 40_000 });
}

/** Comes to an address that the one before it may have been killed at. */
async function guest(turn: number): Promise<Guest> {
  const last = 20 + (turn % 4);
  if (turn % 2 === 0) {
    const node = await startOurs(`guest-n${last}`, `127.0.43.${last}`);
    return { kind: 'ours', leave: () => node.kill('SIGTERM'), kill: () => node.kill('SIGKILL') };
  }
  const agent = await agents.start(`guest-s${last}`, `127.0.43.${last}`, [`-join=${SEED}`]);
  return { kind: 'theirs', leave: () => agent.serf('leave'), kill: () => agent.kill('SIGKILL') };
}

/** Lines that take one of the six for gone. */
function falseDeaths(staying: readonly (SerfAgent | StartedNode)[]): string[] {
  const names = STAYING.join('|');
  const theirs = new RegExp(`EventMember(Failed|Leave): (${names}) `);
  const ours = new RegExp(`member-(dead|left) member=(${names}) `);
  return staying.flatMap((one) => {
    const lines = ('log' in one ? one.log() : one.stdout() + one.stderr()).split('\n');
    return lines.filter((line) => theirs.test(line) || ours.test(line)).map((line) => `${one.name}: ${line}`);
  });
}

try {
  const theirs: SerfAgent[] = [];
  for (const i of [1, 2, 3]) theirs.push(await agents.start(`s${i}`, `127.0.43.${i}`, i === 1 ? [] : [`-join=${SEED}`]));
  const ours = await Promise.all([1, 2, 3].map((i) => startOurs(`n${i}`, `127.0.43.1${i}`)));
  const until = performance.now() + seconds * 1_000;
  const ends: Record<string, number> = {};
  for (let turn = 0; performance.now() < until; turn++) {
    const one = await guest(turn);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const end = turn % 3 === 0 ? 'kill' : 'leave';
    await one[end]();
    ends[`${one.kind} ${end}`] = (ends[`${one.kind} ${end}`] ?? 0) + 1;
  }
  const deaths = falseDeaths([...theirs, ...ours]);
  process.stdout.write(`${JSON.stringify({ seconds, guests: ends, falseDeaths: deaths.length })}\n${deaths.join('\n')}`);
  process.exitCode = deaths.length === 0 ? 0 : 1;
} finally {
  await Promise.all([play.clear(), agents.clear()]);
}
