/**
 * A mesh of ours in one process: the membership room as a node has it, body, sockets and files, for each member. The same
 * orders and the same output as `their-side.go`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { MemberEvent } from '../../src/actors/membership/member-events.ts';
import type { MembershipMessage } from '../../src/actors/membership/membership-actor.ts';
import type { MemberEventsNews } from '../../src/actors/membership/membership-messages.ts';
import type { ProfileName } from '../../src/actors/membership/profile.ts';
import type { Application } from '../../src/actors/membership/version-vector.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { GossipPort } from '../../src/membership-spec.ts';
import { startMembership } from '../../src/membership-start.ts';
import { systemRandom } from '../../src/random.ts';
import type { ActorRef } from '../../src/supervision/behavior.ts';
import { ActorSystem } from '../../src/supervision/system.ts';
import type { Happened } from './side.ts';

const ROOM = '/swim';
/** The answer is of no interest, only that the room begins. */
const JOIN_MS = 10_000;

const { values } = parseArgs({ options: { nodes: { type: 'string', default: '16' }, network: { type: 'string', default: '127.0.63' }, port: { type: 'string', default: '17947' }, profile: { type: 'string', default: 'lan' }, application: { type: 'string', default: 'none' } } });
const { network } = values;
const port = Number(values.port);
const files = mkdtempSync(join(tmpdir(), 'mesh-bench-'));
const mesh = new Map<string, ActorSystem>();
/** Counts meshes. */
let current = 0;

// With source maps on, as tsx has them, every error costs more than what it is about.
process.setSourceMapsEnabled(false);
process.once('exit', () => rmSync(files, { recursive: true, force: true }));

function tell(what: Happened['what'], at = '', about = ''): void {
  process.stdout.write(`${JSON.stringify({ ms: performance.now(), what, at, about } satisfies Happened)}\n`);
}

/** What of a node's own news is measured. */
function whatOf(event: MemberEvent): Happened['what'][] {
  if (event.type === 'alive') return ['alive'];
  if (event.type === 'suspect' || event.type === 'confirmed') return event.reason === 'no-ack' ? ['accused'] : [];
  if (event.type === 'dead') return event.reason === 'suspicion-timeout' ? ['condemned', 'gone'] : ['gone'];
  return event.type === 'left' ? ['gone'] : [];
}

function hearer(name: string): ActorRef<MemberEventsNews> {
  const of = current;
  const send = ({ happenings }: MemberEventsNews): 'accepted' => {
    if (of === current) for (const { event } of happenings) for (const what of whatOf(event)) tell(what, name, event.member);
    return 'accepted';
  };
  return { path: '/hearer', send, offer: (news) => Promise.resolve(send(news)), ask: () => Promise.reject(new Error('it is only told')) };
}

async function start(number: number): Promise<void> {
  const name = `n${number}`;
  const system = new ActorSystem({ clock: systemClock, random: systemRandom, log: silentLog });
  mesh.set(name, system);
  const file = (kind: string): string => join(files, `${current}-${name}-${kind}`);
  const room = () => startMembership({
    name,
    tags: {},
    seeds: number === 1 ? [] : [{ host: `${network}.1`, port }],
    profile: values.profile as ProfileName,
    application: values.application as Application,
    bind: `${network}.${number}`,
    port: GossipPort.of(port).memory,
    peersFile: file('peers'),
    tagsFile: file('tags'),
    incarnationFile: file('incarnation'),
    clocksFile: file('clocks'),
    travel: { label: '', compresses: true, verifiesIncoming: true, verifiesOutgoing: true, keys: undefined },
    listeners: [],
    hearers: [hearer(name)],
    serfListeners: [],
  });
  await system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [{ type: 'worker', id: 'swim', restart: 'temporary', start: room }] }, () => undefined);
}

async function begin(): Promise<void> {
  current++;
  for (const system of mesh.values()) system.kill(ROOM, 'the bench');
  for (let number = 1; number <= Number(values.nodes); number++) await start(number);
  tell('ready');
}

for await (const line of createInterface({ input: process.stdin })) {
  const [order, name = ''] = line.split(' ');
  const system = mesh.get(name);
  if (order === 'begin') {
    await begin();
  } else if (order === 'join') {
    tell('join');
    for (const each of mesh.values()) void each.ref<MembershipMessage>(ROOM).ask((reply) => ({ kind: 'join', reply }), JOIN_MS).catch(() => undefined);
  } else if (order === 'leave') {
    tell('leave', '', name);
    system?.stop();
  } else if (order === 'kill') {
    tell('kill', '', name);
    system?.kill(ROOM, 'the bench');
  }
}
process.exit(0);
