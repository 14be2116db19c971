/**
 * Nodes that are all started at the same moment, each with a list of all, round after round: each must soon list all as
 * alive, and nobody may ever take another for dead. `npm run bench:formation`.
 */
import { connectAdmin } from '../src/transport/grpc-client.ts';
import { Playground } from '../test/support/mesh-process.ts';
import type { StartedNode } from '../test/support/mesh-process.ts';
import { benchOptions } from './options.ts';
import { median } from './rounds.ts';

const PORTS = ['7946', '7947'] as const;
const ASK_EVERY_MS = 250;

const { rounds, nodes, net, withinS, watchS } = benchOptions(
  'bench:formation',
  'Nodes that are all started at the same moment, round after round. Ends with 1 when a round fails.',
  { rounds: 20, nodes: 20, withinS: 60, watchS: 15, net: '127.0.35' },
  { rounds: 'how often', nodes: 'processes, each a node', withinS: 'seconds until all must list all', watchS: 'seconds after that in which a suspicion of the start may end in a death', net: 'where they listen: .1, .2, …' },
);
const withinMs = withinS * 1_000;
const watchMs = watchS * 1_000;

interface Round {
  /** From the first start until each lists all; undefined when that took too long. */
  readonly formedMs: number | undefined;
  readonly readyMs: readonly number[];
  /** Who is not up, and who does not list whom. */
  readonly missing: readonly string[];
  /** Lines that take a node for dead. */
  readonly deaths: readonly string[];
  readonly suspicions: number;
}

async function round(): Promise<Round> {
  const play = new Playground();
  try {
    const startedAt = performance.now();
    const names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
    const hosts = names.map((_, at) => `${net}.${at + 1}`);
    const starts = await Promise.allSettled(
      names.map((name, at) => play.node(name, { bind: hosts[at]!, ports: PORTS, readyWithinMs: withinMs, flags: ['--discover', `static peers=${hosts.join(',')}`] })),
    );
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const absent = starts.flatMap((start) => (start.status === 'rejected' ? [String(start.reason)] : []));
    // With one that is not up there is nothing to ask the others.
    const missing = absent.length > 0 ? absent : await unlisted(started, names, startedAt + withinMs);
    const formedMs = missing.length === 0 ? performance.now() - startedAt : undefined;
    await pause(watchMs);
    const lines = started.flatMap((node) => node.stderr().split('\n').map((line) => `${node.name}: ${line}`));
    const deaths = lines.filter((line) => / member-(dead|left) /.test(line));
    return { formedMs, readyMs: started.map(({ readyAfterMs }) => readyAfterMs), missing, deaths, suspicions: lines.filter((line) => line.includes(' member-suspect ')).length };
  } finally {
    await play.clear();
  }
}

/** Asks each again and again until all list all, or time is over. */
async function unlisted(started: readonly StartedNode[], names: readonly string[], until: number): Promise<string[]> {
  const waiting = new Map(started.map((node) => [node.name, names]));
  await Promise.all(
    started.map(async ({ name, admin }) => {
      const operator = connectAdmin(admin, 'bench');
      while (waiting.has(name) && performance.now() < until) {
        // A node that is too busy to answer is asked again.
        const members = await operator.listMembers({}).then((answer) => answer.members, () => []);
        const alive = new Set(members.filter(({ status }) => status === 'alive').map((member) => member.name));
        const lacks = names.filter((other) => !alive.has(other));
        if (lacks.length === 0) waiting.delete(name);
        else if (lacks.length < names.length) waiting.set(name, lacks);
        await pause(ASK_EVERY_MS);
      }
      operator.close();
    }),
  );
  return [...waiting].map(([name, lacks]) => (lacks === names ? `${name} does not answer` : `${name} does not list ${lacks.join(' ')}`));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '–' : (ms / 1_000).toFixed(1);
}

say(`${nodes} nodes at the same moment, ${rounds} times; all to list all within ${withinMs / 1_000} s, watched for ${watchMs / 1_000} s more`);
say('round   ready s (median, last)   formed s   suspicions   deaths');
let failed = 0;
const formed: number[] = [];
for (let at = 1; at <= rounds; at++) {
  const { formedMs, readyMs, missing, deaths, suspicions } = await round();
  if (formedMs === undefined || deaths.length > 0) failed++;
  if (formedMs !== undefined) formed.push(formedMs);
  const ready = `${seconds(median(readyMs))}, ${seconds(Math.max(...readyMs))}`;
  say(`${String(at).padStart(5)}   ${ready.padStart(22)}   ${seconds(formedMs).padStart(8)}   ${String(suspicions).padStart(10)}   ${String(deaths.length).padStart(6)}`);
  for (const line of [...missing, ...deaths]) say(`        ${line}`);
}
say(`${rounds - failed} of ${rounds} formed one cluster in which nobody was taken for dead; median ${seconds(median(formed))} s, slowest ${seconds(Math.max(...formed))} s`);
process.exit(failed === 0 ? 0 : 1);
