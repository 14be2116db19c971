import { expect } from 'chai';
import type { KeysNews } from '../../../src/actors/membership/membership-messages.ts';
import type { SessionSend } from '../../../src/actors/peers/peer-messages.ts';
import { gossipKeysActor, type GossipKeysMessage } from '../../../src/actors/trust/gossip-keys-actor.ts';
import type { KeyRotated } from '../../../src/actors/trust/key-messages.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import type { ActorRef, Behavior } from '../../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../../src/supervision/child-spec.ts';
import type { StartChildOutcome } from '../../../src/supervision/supervisor-messages.ts';
import { firstRing, inOrder, newKey, usedKey, type Ring } from '../../../src/trust/gossip-ring.ts';
import type { Identity } from '../../../src/trust/identity-source.ts';
import { startWorld, type ActorWorld } from '../../support/actor-world.ts';

const IDENTITY = {} as Identity;

describe('the actor that keeps the keys of gossip', () => {
  let world: ActorWorld;
  let keys: ActorRef<GossipKeysMessage>;
  let disk: Ring | undefined;
  let isDiskFull: boolean;
  let handed: Ring | MeshError;
  let told: KeysNews[];
  let renewed: Identity[];
  let notes: string[];

  const quiet = <M>(hears: (message: M) => void): Behavior<null, M> => ({ init: () => null, receive: (state, message) => (hears(message), state) });
  const start = async (holdsAuthority: boolean): Promise<void> => {
    world = await startWorld({
      children: [
        { type: 'worker', id: 'roster', start: () => quiet<{ readonly reply?: (peers: unknown) => void }>(({ reply }) => reply?.([])) },
        { type: 'worker', id: 'n2', start: () => quiet<SessionSend>(() => undefined) },
        { type: 'worker', id: 'membership', start: () => quiet<KeysNews>((message) => void told.push(message)) },
        { type: 'worker', id: 'identity', start: () => quiet<{ readonly identity: Identity }>(({ identity }) => void renewed.push(identity)) },
      ],
    });
    const spec: ChildSpec = {
      type: 'worker',
      id: 'keys',
      start: () =>
        gossipKeysActor({
          self: 'n1',
          holdsAuthority,
          everyMs: 86_400_000,
          random: seededRandom(1),
          file: {
            load: () => disk,
            save(ring) {
              if (isDiskFull) throw new Error('no space left on device');
              disk = ring;
            },
          },
          ask: () => (handed instanceof MeshError ? Promise.reject(handed) : Promise.resolve({ identity: IDENTITY, ring: handed })),
          note: (event) => void notes.push(event),
          peers: world.ref('/roster'),
          membership: world.ref('/membership'),
          identity: world.ref('/identity'),
        }),
    };
    expect((await world.outcome(world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), 5_000))).outcome).to.equal('started');
    keys = world.ref('/keys');
  };
  const rotate = (): Promise<KeyRotated | MeshError> => world.outcome(keys.ask((reply) => ({ kind: 'rotate', reply }), 10_000));

  beforeEach(() => {
    [disk, isDiskFull, told, renewed, notes] = [firstRing(1), false, [], [], []];
    handed = new MeshError('NODE_UNREACHABLE', 'nobody answers');
  });
  afterEach(() => world.stop());

  it('makes a key when asked, keeps it, tells membership and answers when it is in use', async () => {
    await start(true);
    const before = usedKey(disk!)!.key;
    expect(await rotate()).to.deep.include({ peers: 0, agreeing: 0 });
    expect(usedKey(disk!)!.key).not.to.equal(before);
    expect(told.at(-1)?.keys).to.deep.equal(inOrder(disk!));
    expect(notes).to.deep.equal(['gossip-key-made', 'gossip-key-used']);
    expect(JSON.stringify(world.system.state('/keys'))).not.to.include(usedKey(disk!)!.key);
    expect(JSON.stringify(world.log)).not.to.include(usedKey(disk!)!.key);
  });

  it('makes none where the authority is not kept, and does nothing where there are no keys of the trust domain', async () => {
    await start(false);
    expect(await rotate()).to.include({ code: 'REFUSED' });
    await world.stop();
    disk = undefined;
    await start(true);
    expect(await rotate()).to.include({ code: 'REFUSED' });
    await world.advance(10_000);
    expect(told).to.deep.equal([]);
  });

  it('uses all that a Trust Fabric hands it when it starts, the identity too', async () => {
    handed = [{ ...newKey(disk!, 0, 2), isUsed: true }, ...disk!];
    await start(false);
    await world.advance(2_000);
    expect(usedKey(disk!)).to.deep.equal(handed[0]);
    expect(told.at(-1)?.keys).to.deep.equal(inOrder(disk!));
    expect(renewed).to.deep.equal([IDENTITY]);
  });

  it('gossips with a new key also when the disk does not take it, and has the one of before after a crash', async () => {
    await start(true);
    isDiskFull = true;
    const before = inOrder(disk!);
    await rotate();
    expect(told.at(-1)?.keys[0]).not.to.deep.equal(before[0]);
    expect(world.log.map(({ event }) => event)).to.include('gossip-keys-not-kept');
    world.system.kill('/keys', 'a test');
    await world.advance(6_000);
    expect(told.at(-1)?.keys).to.deep.equal(before);
  });
});
