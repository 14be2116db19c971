/**
 * How long a ban takes on real nodes: from the moment that it is signed until every node has cut off its connections with the
 * banned one. Each round bans another of them, looks at all, and takes the ban back; the first is asked to. Run with
 * `npm run bench:ban -- [--rounds 20] [--nodes 20]`. Ends with 1 when a round takes more than two seconds.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readAudit } from '../src/data-dir/audit-log.ts';
import { connectAdmin } from '../src/transport/grpc-client.ts';
import type { AdminClient } from '../src/transport/grpc-client.ts';
import { Playground, until } from '../test/support/mesh-process.ts';
import type { StartedNode } from '../test/support/mesh-process.ts';

const PORTS = ['7946', '7947'] as const;
const TARGET_MS = 2_000;
const LOOK_WITHIN_MS = 30_000;
/** A peer that was refused is dialled again after half a minute at most, and a ban tells only whom sessions reach. */
const BACK_WITHIN_MS = 120_000;

const number = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: number, nodes: number, net: { type: 'string', default: '127.0.67' } } });
const rounds = Number(values.rounds ?? 20);
const nodes = Number(values.nodes ?? 20);

interface Running {
  readonly node: StartedNode;
  readonly admin: AdminClient;
}

/** Sessions of each node that are open. */
async function sessionsOf({ admin }: Running): Promise<string[]> {
  const { members } = await admin.listMembers({});
  return members.filter(({ session }) => session === 'open').map(({ name }) => name);
}

/** When each of the others cut it off, in milliseconds after the ban was signed. */
function cutOffMs(others: readonly Running[], subject: string, signedAtMs: number): readonly number[] | undefined {
  const found = others.map(({ node }) => {
    const since = readAudit(join(node.dataDir, 'trust', 'audit.jsonl'), ({ at }) => (Date.parse(at) >= signedAtMs ? 'take' : 'enough'));
    const entry = since.find((each) => each.what === 'ban-in-force' && each.subject === subject);
    return entry === undefined ? undefined : Date.parse(entry.at) - signedAtMs;
  });
  return found.includes(undefined) ? undefined : (found as number[]);
}

async function round(all: readonly Running[], at: number): Promise<number> {
  const victim = all[1 + (at % (all.length - 1))]!;
  const others = all.filter((each) => each !== victim);
  // One that vouches for all: who was banned itself owes that to another.
  const asked = all[0]!.admin;
  await until('all sessions', BACK_WITHIN_MS, async () => ((await Promise.all(all.map(sessionsOf))).every((open) => open.length === all.length - 1) ? true : undefined));
  const { subject } = await asked.issueBan({ kind: 'ban', subject: victim.node.name, reason: 'bench', by: 'bench' });
  const { bans } = await asked.listBans({});
  const signedAtMs = bans.find((ban) => ban.subject === subject && ban.counts)!.epochMs;
  const took = await until('all nodes to have cut it off', LOOK_WITHIN_MS, () => cutOffMs(others, subject, signedAtMs));
  const left = await Promise.all(others.map(async ({ admin }) => (await admin.listSessions({})).sessions.filter(({ peer }) => peer === subject).length));
  if (left.some((count) => count > 0)) throw new Error(`${left.filter((count) => count > 0).length} nodes have a connection with ${subject} still`);
  await asked.issueBan({ kind: 'unban', subject, reason: 'bench', by: 'bench', force: true });
  return Math.max(...took);
}

const play = new Playground();
try {
  const names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
  const hosts = names.map((_, at) => `${values.net}.${at + 1}`);
  const started: StartedNode[] = [];
  // One after the other: how they start is another bench.
  for (const [at, name] of names.entries()) started.push(await play.node(name, { bind: hosts[at]!, ports: PORTS, readyWithinMs: 120_000, flags: ['--join', hosts[0]!] }));
  const all = started.map((node) => ({ node, admin: connectAdmin(node.admin, 'bench') }));
  const took: number[] = [];
  for (let at = 0; at < rounds; at++) {
    took.push(await round(all, at));
    console.log(`round ${at + 1}: ${names[1 + (at % (nodes - 1))]} was cut off by all ${nodes - 1} others ${took.at(-1)} ms after its ban was signed`);
  }
  const sorted = [...took].sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((share) => sorted[Math.ceil(sorted.length * share) - 1]!);
  console.log(`${nodes} nodes, ${rounds} rounds: p50 ${p50} ms, p99 ${p99} ms, target ${TARGET_MS} ms`);
  for (const { admin } of all) admin.close();
  process.exitCode = p99! <= TARGET_MS ? 0 : 1;
} finally {
  await play.clear();
}
