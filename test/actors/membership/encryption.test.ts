import { expect } from 'chai';
import { PROFILES } from '../../../src/actors/membership/profile.ts';
import { SwimContext } from '../../../src/actors/membership/swim-context.ts';
import { Envelope, type EnvelopeOptions } from '../../../src/actors/membership/wire/envelope.ts';
import { Keyring } from '../../../src/actors/membership/wire/keyring.ts';
import { encodeMessage } from '../../../src/actors/membership/wire/messages.ts';
import { encodePushPull, encodeStreamError, type PushPull } from '../../../src/actors/membership/wire/stream.ts';
import { seededRandom } from '../../../src/random.ts';
import { BrainUnderTest, addressOfHost, alive, ping, stateOf } from './brain-under-test.ts';

const KEYS = [Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 3)];
const LIST = encodePushPull({ join: true, states: [stateOf('b', 1, '10.0.0.2', 'alive')], userState: new Uint8Array(0) });

function envelope(key: number | undefined, more: Partial<EnvelopeOptions> = {}): Envelope {
  let nonces = 0;
  const nonce = (): Uint8Array => Uint8Array.of(0xff, ...Buffer.alloc(10), nonces++);
  const keyring = key === undefined ? undefined : new Keyring([KEYS[key]!]);
  return new Envelope({ label: '', compresses: true, keyring, verifiesIncoming: true, verifiesOutgoing: true, nonce, ...more });
}

/** A brain that has asked its seed for the member list. */
function joining(own: Envelope): BrainUnderTest {
  const brain = new BrainUnderTest({ envelope: own });
  brain.tell({ kind: 'join', seeds: [{ host: 'seed', port: 7946 }], remembered: [] });
  brain.tell({ kind: 'resolved', seed: 'seed:7946', hosts: ['10.0.0.2'] });
  return brain;
}

describe('a node with a key', () => {
  it('takes packets in its key, and counts all others', () => {
    const brain = new BrainUnderTest({ envelope: envelope(0) });
    const hear = (sender: Envelope, host: number): void => {
      const packet = sender.packet([encodeMessage(alive(`n${host}`, 1, `10.0.0.${host}`))], true);
      brain.tell({ kind: 'packet', packet, from: addressOfHost(host) });
    };
    hear(envelope(1), 3);
    hear(envelope(undefined), 4);
    hear(envelope(0, { label: 'blue' }), 5);
    expect(brain.brain.members).to.have.length(1);
    hear(envelope(0), 6);
    expect(brain.status('n6')).to.equal('alive');
    expect(brain.dropped).to.deep.equal({ 'wrong-key': 1, 'not-encrypted': 1, labelled: 1 });
  });

  it('answers in its key', () => {
    const peer = envelope(0);
    const own = envelope(0);
    const answers: Uint8Array[] = [];
    const brain = new BrainUnderTest({ envelope: own });
    for (const effect of brain.brain.handle({ kind: 'packet', packet: peer.packet([encodeMessage(ping(7, 'me'))], false), from: addressOfHost(9) }, 0)) {
      if (effect.kind === 'send') answers.push(effect.packet);
    }
    for (const effect of brain.brain.handle({ kind: 'request', request: peer.request(LIST) }, 0)) if (effect.kind === 'reply') answers.push(effect.reply!);
    expect(peer.openPacket(answers[0]!).messages.map(({ type }) => type)).to.deep.equal(['ack']);
    expect((peer.openReply(answers[1]!) as PushPull).states.map(({ name }) => name)).to.deep.equal(['me']);
  });

  it('joins a peer that has its key', () => {
    const brain = joining(envelope(0));
    const peer = envelope(0);
    expect((peer.openRequest(brain.requests[0]!.request) as PushPull).join).to.equal(true);
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer: peer.reply(LIST) });
    expect(brain.joining).to.deep.equal([{ type: 'seed-reached', seed: 'seed:7946' }]);
    expect(brain.status('b')).to.equal('alive');
  });

  const refusals: readonly (readonly [own: Envelope, answer: Uint8Array, reason: string])[] = [
    [envelope(0), envelope(1).reply(LIST), 'the answer is not in a key that this node has, or not of its label'],
    [envelope(undefined), envelope(1).reply(LIST), 'the answer is encrypted, and this node has no key'],
    [envelope(0), envelope(undefined).reply(LIST), 'the answer is not encrypted, and this node takes nothing else'],
    [envelope(0), envelope(undefined).reply(encodeStreamError('remote state is encrypted and encryption is not configured')), 'it refuses, and says: remote state is encrypted and encryption is not configured'],
  ];
  for (const [own, answer, reason] of refusals) {
    it(`that does not get on with its seed is told: ${reason}`, () => {
      const brain = joining(own);
      brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer });
      expect(brain.joining).to.deep.equal([{ type: 'seed-unreached', seed: 'seed:7946', reason, failures: 1 }]);
      expect(brain.brain.members).to.have.length(1);
    });
  }
});

describe('keys that are changed while a node runs', () => {
  const contextWith = (own: Envelope): SwimContext => new SwimContext('me', PROFILES.lan, seededRandom(1), own);

  it('are kept after each step, the primary first', () => {
    const context = contextWith(envelope(0));
    const steps = ([['install', 1], ['install', 1], ['use', 1], ['remove', 0], ['remove', 1], ['use', 2]] as const).map(([kind, key]) => context.changeKeys({ kind, key: KEYS[key]! }));
    expect(steps).to.deep.equal(['changed', 'same', 'changed', 'changed', 'is-primary', 'not-installed']);
    const kept = context.takeEffects().map((effect) => (effect.kind === 'keep-keys' ? effect.keys.map((key) => key.export()[0]) : effect.kind));
    expect(kept).to.deep.equal([[1, 2], [2, 1], [2]]);
  });

  it('are none where nothing is encrypted', () => {
    const context = contextWith(envelope(undefined));
    expect(context.changeKeys({ kind: 'install', key: KEYS[0]! })).to.equal('not-encrypted');
    expect(context.takeEffects()).to.deep.equal([]);
  });
});
