/**
 * How long a ban takes on real nodes: from the moment that it is asked for until the last of the streams is closed that the banned
 * identity has open, one at every node. Each run bans another agent, at a node drawn by chance.
 * `npm run bench:ban`.
 */
import { Client } from '@grpc/grpc-js';
import { authorityDir } from '../src/config/home-path.ts';
import { randomInt, seededRandom } from '../src/random.ts';
import { DialSocket } from '../src/transport/dial-socket.ts';
import { connectAdmin } from '../src/transport/grpc-client.ts';
import { CHANNEL_OPTIONS } from '../src/transport/grpc-options.ts';
import { OpenSessions } from '../src/transport/open-sessions.ts';
import type { MeshTls } from '../src/transport/tls.ts';
import { readAuthority } from '../src/trust/authority-files.ts';
import type { Authority } from '../src/trust/authority.ts';
import { holdIdentity } from '../src/trust/identity-source.ts';
import { issueOwn } from '../src/trust/own-identity.ts';
import { Playground, until } from '../test/support/mesh-process.ts';
import type { StartedNode } from '../test/support/mesh-process.ts';
import { benchOptions } from './options.ts';

const PORTS = ['7946', '7947'] as const;
const TARGET_MS = 2_000;
/** Twenty nodes that start share two cores. */
const READY_WITHIN_MS = 120_000;
const TOGETHER_WITHIN_MS = 120_000;
const CLOSED_WITHIN_MS = 30_000;
/** How all are doing is asked seldom: the answers cost the cores that they compete for. */
const LOOK_EVERY_MS = 1_000;
/** A stream that lasts, open to every identity. */
const WATCH = '/grpc.health.v1.Health/Watch';

const { nodes: count, runs, seed, net } = benchOptions(
  'bench:ban',
  'How long a ban takes on real nodes. Ends with 1 when the p99 is above two seconds.',
  { nodes: 20, runs: 20, seed: 1, net: '127.0.67' },
  { nodes: 'processes, each a node', runs: 'bans, each of another agent', seed: 'of chance: at which node each ban is asked for', net: 'where they listen: .1, .2, …' },
);
const random = seededRandom(seed);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function started(play: Playground): Promise<readonly StartedNode[]> {
  const nodes: StartedNode[] = [];
  // One after the other: how they start is another bench.
  for (let at = 1; at <= count; at++) {
    const node = await play.node(`n${at}`, { bind: `${net}.${at}`, ports: PORTS, readyWithinMs: READY_WITHIN_MS, flags: ['--join', `${net}.1`] });
    nodes.push(node);
    say(`n${at} is up after ${(node.readyAfterMs / 1_000).toFixed(1)} s`);
  }
  return nodes;
}

/** Every node has a session with every other. */
async function together(nodes: readonly StartedNode[]): Promise<void> {
  for (const node of nodes) {
    const admin = connectAdmin(node.admin, 'bench');
    await until(`${node.name} to have a session with each`, TOGETHER_WITHIN_MS, async () => {
      const { members } = await admin.listMembers({});
      const open = members.filter(({ session }) => session === 'open').length;
      if (open === count - 1) return true;
      say(`${node.name} has ${open} of ${count - 1} sessions`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      return undefined;
    });
    admin.close();
  }
}

interface Watch {
  /** Its first message has come. */
  readonly isOpen: Promise<void>;
  /** When it closed, by the clock of this process. */
  readonly closed: Promise<number>;
  release(): void;
}

function watch({ grpc }: StartedNode, tls: MeshTls): Watch {
  const client = new Client(grpc, new DialSocket(grpc, { kind: 'node', name: undefined }, tls).credentials, CHANNEL_OPTIONS);
  const call = client.makeServerStreamRequest(WATCH, (bytes: Buffer) => bytes, (bytes: Buffer) => bytes, Buffer.alloc(0));
  const isOpen = new Promise<void>((resolve, reject) => void call.once('data', () => resolve()).once('error', reject));
  const closed = new Promise<number>((resolve) => void call.once('status', () => resolve(performance.now())));
  return {
    isOpen,
    closed,
    release: () => {
      call.on('error', () => undefined);
      call.cancel();
      client.close();
    },
  };
}

function within<T>(what: string, limitMs: number, promise: Promise<T>): Promise<T> {
  return Promise.race([promise, new Promise<never>((_, reject) => void setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs).unref())]);
}

/** @returns when the last stream was closed, and when the one in the middle, in milliseconds after the ban was asked for */
async function run(nodes: readonly StartedNode[], authority: Authority, at: number): Promise<{ readonly last: number; readonly middle: number; readonly asked: string }> {
  const identity = await issueOwn(authority, { kind: 'agent', name: `banned-${at}`, nowMs: Date.now() });
  const tls: MeshTls = { identity: holdIdentity(identity), pq: 'prefer', sessions: new OpenSessions() };
  const watches = nodes.map((node) => watch(node, tls));
  try {
    await within('all streams to be open', CLOSED_WITHIN_MS, Promise.all(watches.map(({ isOpen }) => isOpen)));
    const asked = nodes[randomInt(random, nodes.length)]!;
    const admin = connectAdmin(asked.admin, 'bench');
    // The connection of the one who asks is no part of it.
    await admin.listBans({});
    const startedAt = performance.now();
    await admin.issueBan({ kind: 'ban', subject: `agent/banned-${at}`, reason: 'bench', by: 'bench' });
    const closedAt = await within('all streams to be closed', CLOSED_WITHIN_MS, Promise.all(watches.map(({ closed }) => closed)));
    admin.close();
    const took = closedAt.map((each) => each - startedAt).sort((a, b) => a - b);
    return { last: took.at(-1)!, middle: took[Math.floor(took.length / 2)]!, asked: asked.name };
  } finally {
    for (const { release } of watches) release();
  }
}

const play = new Playground();
try {
  const nodes = await started(play);
  const authority = readAuthority(authorityDir(play.home));
  if (authority === undefined) throw new Error('the nodes have made no authority');
  await together(nodes);
  const took: number[] = [];
  for (let at = 1; at <= runs; at++) {
    const { last, middle, asked } = await run(nodes, authority, at);
    took.push(last);
    say(`run ${at}: banned at ${asked}; of ${count} streams half were closed after ${middle.toFixed(0)} ms, all after ${last.toFixed(0)} ms`);
  }
  took.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((share) => took[Math.ceil(took.length * share) - 1]!);
  say(`${count} nodes, ${runs} runs: p50 ${p50!.toFixed(0)} ms, p99 ${p99!.toFixed(0)} ms, target ${TARGET_MS} ms`);
  process.exitCode = p99! <= TARGET_MS ? 0 : 1;
} finally {
  await play.clear();
}
