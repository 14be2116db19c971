/** Nodes that call to each other where they are, over multicast or broadcast: who knows the secret is heard. */
import { randomBytes } from 'node:crypto';
import { formatAddress } from '../../address.ts';
import type { SpecOf } from '../../config/discover-spec.ts';
import { encodeCall } from './announcement.ts';
import type { Discover, DiscoveryWorld, Found } from './discovery.ts';
import { broadcastAddress, openGroup, type Group } from './group-socket.ts';
import { Bell, pause } from './pause.ts';
import { RollCall } from './roll-call.ts';
import { readSecret } from './shared-secret.ts';

/** A node that started alone need not wait for longer to be told so. */
const FIRST_MS = 1_000;
/** Three calls in a row may be lost. */
const SILENCE_PERIODS = 3.5;
/** Who hears a question does not answer together with all others, nor more often than this, whoever asks. */
const ANSWER_MS = 200;

export function multicast(spec: SpecOf<'multicast'>, world: DiscoveryWorld): Discover {
  return calling(spec, world, () => ({ kind: 'multicast', host: spec.group, port: spec.port }));
}

export function broadcast(spec: SpecOf<'broadcast'>, world: DiscoveryWorld): Discover {
  return calling(spec, world, () => ({ kind: 'broadcast', host: broadcastAddress(world.bind), port: spec.port }));
}

function calling(spec: SpecOf<'multicast' | 'broadcast'>, world: DiscoveryWorld, groupOf: () => Group): Discover {
  const { clock } = world;
  return async function* (signal) {
    const secret = await readSecret(spec, world);
    const roll = new RollCall(secret, SILENCE_PERIODS * spec.every);
    const bell = new Bell(world);
    const answer = new Bell(world);
    const socket = await openGroup(groupOf(), world.bind, {
      onPacket(packet) {
        const heard = roll.hear(packet, clock.wallNow());
        if (heard === 'question') answer.ring();
        if (heard === 'new') bell.ring();
      },
      onStranger: () => void roll.refuse('not-here', clock.wallNow()),
    });
    const sender = randomBytes(8).readBigUInt64BE();
    let lastMs = 0;
    const call = (from: DiscoveryWorld['self']): void => {
      lastMs = Math.max(lastMs + 1, Math.floor(clock.wallNow()));
      socket.send(encodeCall({ from, sender, atMs: lastMs }, secret));
    };
    try {
      call(undefined);
      if (world.self !== undefined) void keepCalling(() => call(world.self), answer, spec.every, world, signal);
      await bell.wait(FIRST_MS, signal);
      while (!signal.aborted) {
        yield foundBy(roll, clock.wallNow());
        await bell.wait(spec.every, signal);
        roll.forget(clock.wallNow());
      }
    } finally {
      socket.close();
    }
  };
}

/** At its pace, and when somebody asks. */
async function keepCalling(call: () => void, answer: Bell, everyMs: number, world: DiscoveryWorld, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    call();
    await answer.wait(everyMs, signal);
    await pause(ANSWER_MS * world.random.next(), world, signal);
  }
}

function foundBy(roll: RollCall, wallMs: number): Found {
  const trouble = roll.trouble(wallMs);
  const candidates = roll.present.map((address) => ({ given: formatAddress(address), address }));
  return trouble === undefined ? { candidates } : { candidates, trouble };
}
