import { expect } from 'chai';
import * as fc from 'fast-check';
import type { KnownPeer } from '../../../src/actors/membership/claim-proofs.ts';
import { PROFILES } from '../../../src/actors/membership/profile.ts';
import { Swim } from '../../../src/actors/membership/swim.ts';
import { ipBytes } from '../../../src/actors/membership/wire/ip-address.ts';
import { encodeMessage, type Alive } from '../../../src/actors/membership/wire/messages.ts';
import { decodeTags, encodeTags } from '../../../src/actors/membership/wire/tags.ts';
import { VSN } from '../../../src/actors/membership/version-vector.ts';
import { seededRandom } from '../../../src/random.ts';
import { alive, BrainUnderTest, suspect } from './brain-under-test.ts';
import { peer, said, testKey } from './signing-node.ts';

const ME = testKey('me');
const B = testKey('b');
const MALLORY = testKey('mallory');
const B_HOST = '10.0.0.2';
const EVIL_HOST = '10.0.0.66';
const MINUTE_MS = 60_000;

function learn(brain: BrainUnderTest, ...peers: readonly KnownPeer[]): void {
  brain.tell({ kind: 'identities', signer: ME, peers });
}

/** Knows b, which is proved and has a session, and whose mallory's key is. */
function knowingB(): BrainUnderTest {
  const brain = new BrainUnderTest();
  learn(brain, peer('b', B), peer('mallory', MALLORY));
  brain.hear(said({ name: 'b', host: B_HOST, key: B, tags: { grpc: 'b:1' } }));
  brain.forget();
  return brain;
}

/** What is known of b. */
function recordOf(brain: BrainUnderTest): unknown {
  const { host, port, incarnation, tags, verified, status } = brain.member('b')!;
  return { host, port, incarnation, tags, verified, status };
}

function withTags(claim: Alive, change: (tags: Record<string, string>) => Record<string, string>): Alive {
  return { ...claim, meta: encodeTags(change({ ...decodeTags(claim.meta) })) };
}

const kinds = (brain: BrainUnderTest): string[] => brain.events.map(({ type, member, reason }) => `${type} ${member} ${reason}`);

describe('what a member says of itself', () => {
  it('is verified when it is signed with its key', () => {
    const brain = knowingB();
    expect(brain.member('b')).to.include({ verified: 'yes', host: B_HOST });
    expect(brain.member('b')!.tags).to.deep.equal({ grpc: 'b:1' });
    expect(brain.member('me')!.verified).to.equal('yes');
  });

  it('waits for the key while that is not known, and is verified when it comes', () => {
    const brain = new BrainUnderTest();
    learn(brain);
    brain.hear(said({ name: 'b', host: B_HOST, key: B }));
    expect(brain.member('b')!.verified).to.equal('pending');
    brain.forget();
    learn(brain, peer('b', B));
    expect(brain.member('b')!.verified).to.equal('yes');
    expect(kinds(brain)).to.deep.equal(['verified b signature']);
  });

  it('is not verified where it signs nothing, as agents of Serf, and nothing is said of it where this node has no identity', () => {
    const brain = new BrainUnderTest();
    brain.hear(alive('serf', 1, '10.0.0.9', { meta: encodeTags({ sig: 'mine', role: 'db' }) }));
    expect(brain.member('serf')).not.to.have.property('verified');
    learn(brain);
    expect(brain.member('serf')!.verified).to.equal('no');
    expect(brain.member('serf')!.tags).to.deep.equal({ sig: 'mine', role: 'db' });
  });

  it('is not verified any more when its key is not known any more', () => {
    const brain = knowingB();
    learn(brain, { name: 'b', isOpen: false, keys: [] });
    expect(brain.member('b')!.verified).to.equal('pending');
  });

  it('was said before anybody looked, and is verified later', () => {
    const brain = new BrainUnderTest();
    brain.hear(said({ name: 'b', host: B_HOST, key: B }));
    learn(brain, peer('b', B));
    expect(brain.member('b')!.verified).to.equal('yes');
  });

  it('can be suspected before it is verified, and is verified all the same', () => {
    const brain = new BrainUnderTest();
    learn(brain);
    brain.hear(said({ name: 'b', host: B_HOST, key: B }), suspect('b', 7, 'c'));
    learn(brain, peer('b', B));
    expect(brain.member('b')).to.include({ verified: 'yes', status: 'suspect', incarnation: 7 });
  });

  it('keeps no news from being news, and is none itself', () => {
    const brain = knowingB();
    brain.hear(said({ name: 'b', host: B_HOST, key: B, incarnation: 2, tags: { grpc: 'b:1' } }));
    expect(kinds(brain)).to.deep.equal([]);
    expect(brain.member('b')!.incarnation).to.equal(2);
    brain.hear(said({ name: 'b', host: B_HOST, key: B, incarnation: 3, tags: { grpc: 'b:2' } }));
    expect(kinds(brain)).to.deep.equal(['updated b tags']);
  });
});

describe('a claim that is not the word of the member', () => {
  const truth = said({ name: 'b', host: B_HOST, key: B, incarnation: 5, tags: { grpc: 'b:1' } });
  const tampered: Readonly<Record<string, Alive>> = {
    'another name': { ...truth, node: 'c' },
    'another address': { ...truth, addr: ipBytes(EVIL_HOST) },
    'another port': { ...truth, port: 7_000 },
    'another incarnation': { ...truth, incarnation: 6 },
    'other tags': withTags(truth, (tags) => ({ ...tags, grpc: 'evil:1' })),
    'one tag more': withTags(truth, (tags) => ({ ...tags, role: 'web' })),
    'other versions': { ...truth, vsn: Uint8Array.of(1, 5, 4, 2, 5, 5) },
    'another signature': withTags(truth, ({ sig, ...tags }) => ({ ...tags, sig: `${sig!.slice(0, 12)}${'A'.repeat(84)}` })),
  };
  for (const [what, claim] of Object.entries(tampered)) {
    it(`is refused with ${what}`, () => {
      const brain = knowingB();
      const before = recordOf(brain);
      brain.hear(claim);
      expect(recordOf(brain)).to.deep.equal(before);
      expect(brain.member('c')).to.equal(undefined);
      expect(brain.dropped['false-claim']).to.equal(1);
      expect(brain.events.map(({ type }) => type)).to.deep.equal(['false-claim']);
      expect(brain.member('b')).not.to.have.property('quarantine');
    });
  }

  it('is refused without a signature, or with one of an unknown key, while there is a session with the member', () => {
    const brain = knowingB();
    const before = recordOf(brain);
    brain.hear(said({ name: 'b', host: B_HOST, incarnation: 5 }), said({ name: 'b', host: B_HOST, incarnation: 6, key: testKey('unknown') }), said({ name: 'b', host: EVIL_HOST, incarnation: 7 }));
    brain.pass(10_000);
    expect({ ...(recordOf(brain) as object), status: 'alive' }).to.deep.equal(before);
    expect(brain.dropped['unproved-claim']).to.equal(3);
  });

  it('is not even asked about where the member is', () => {
    const brain = knowingB();
    brain.requests = [];
    brain.hear(said({ name: 'b', host: EVIL_HOST, incarnation: 7 }));
    expect(brain.requests).to.deep.equal([]);
    expect(kinds(brain)).to.deep.equal(['conflict b other-address']);
  });

  it('is taken without a session, for the member may have started anew, and gives way to what is proved', () => {
    const brain = knowingB();
    learn(brain, { name: 'b', isOpen: false, keys: [B] });
    brain.hear(said({ name: 'b', host: B_HOST, incarnation: 9, key: testKey('b again') }));
    expect(brain.member('b')!.verified).to.equal('pending');
    brain.hear(said({ name: 'b', host: '10.0.0.3', incarnation: 2, key: B, tags: { grpc: 'b:1' } }));
    expect(brain.member('b')).to.include({ verified: 'yes', host: '10.0.0.3', incarnation: 2 });
  });

  it('is asked for when the session ends, for it may have been a new life of the member', () => {
    const brain = knowingB();
    brain.hear(said({ name: 'b', host: B_HOST, incarnation: 5, key: testKey('b again') }));
    brain.requests = [];
    learn(brain, peer('b', B));
    expect(brain.requests).to.deep.equal([]);
    learn(brain, { name: 'b', isOpen: false, keys: [B] });
    expect(brain.requests.map(({ to }) => to.host)).to.deep.equal([B_HOST]);
    learn(brain, { name: 'b', isOpen: false, keys: [B] });
    expect(brain.requests).to.have.length(1);
  });

  it('is told of for so many names a minute, which anybody can make up', () => {
    const brain = knowingB();
    for (let at = 0; at < 100; at++) brain.hear({ ...truth, node: `made-up-${at}` });
    expect(brain.events).to.have.length(64);
    expect(brain.dropped['false-claim']).to.equal(100);
  });

  it('is told of once a minute', () => {
    const brain = knowingB();
    for (let at = 0; at < 130; at++, brain.pass(1_000)) brain.hear(tampered['other tags']!);
    expect(brain.events.filter(({ type }) => type === 'false-claim')).to.have.length(3);
    expect(brain.dropped['false-claim']).to.equal(130);
  });

  it('costs no more than so many looks a second', () => {
    const brain = knowingB();
    brain.pass(1_000);
    let looks = 0;
    const counting = { ...B, verifies: (statement: Uint8Array, signature: Uint8Array) => ++looks > 0 && B.verifies(statement, signature) };
    learn(brain, peer('b', counting));
    for (let at = 0; at < 2_000; at++) brain.hear(tampered['other tags']!);
    expect(looks).to.equal(500);
    expect(brain.dropped['proof-unread']).to.equal(1_500);
    brain.pass(1_000);
    brain.hear(truth);
    expect(brain.member('b')).to.include({ incarnation: 5, verified: 'yes' });
  });

  it('never changes a proved record, whatever is sent in whatever order', () => {
    const words = ['b', 'me', 'mallory', 'c'];
    const claims = fc.record({
      node: fc.constantFrom('b', 'b', 'b', 'mallory'),
      incarnation: fc.nat({ max: 40 }),
      host: fc.constantFrom(B_HOST, EVIL_HOST),
      port: fc.constantFrom(7946, 7000),
      tags: fc.constantFrom({}, { grpc: 'b:1' }, { grpc: 'evil:1' }),
      // Of another's key, of an old word of b, of nobody, or none.
      sig: fc.constantFrom('mallory', 'old', 'unknown', 'none'),
    });
    const accusations = fc.record({ accused: fc.constantFrom(...words), accuser: fc.constantFrom(...words), incarnation: fc.nat({ max: 3 }), isDead: fc.boolean() });
    const old = decodeTags(said({ name: 'b', host: B_HOST, key: B, incarnation: 1, tags: { grpc: 'b:1' } }).meta)['sig']!;
    const attack = fc.array(fc.oneof({ arbitrary: claims, weight: 4 }, { arbitrary: accusations, weight: 1 }), { maxLength: 30 });
    fc.assert(
      fc.property(attack, (messages) => {
        const brain = knowingB();
        brain.hear(said({ name: 'b', host: B_HOST, key: B, incarnation: 4, tags: { grpc: 'b:1' } }));
        const { host, port, tags, verified } = brain.member('b')!;
        for (const message of messages) {
          if ('accused' in message) {
            const { accused, accuser, incarnation, isDead } = message;
            brain.hear({ type: isDead ? 'dead' : 'suspect', node: accused, from: accuser, incarnation });
          } else {
            const { node, incarnation, host: at, port: on, tags: words, sig } = message;
            const key = sig === 'mallory' ? MALLORY : sig === 'unknown' ? testKey('?') : undefined;
            const claim = { ...said({ name: node, host: at, incarnation: incarnation + 1, tags: words, ...(key && { key }) }), port: on };
            brain.hear(sig === 'old' ? withTags(claim, (all) => ({ ...all, sig: old })) : claim);
          }
          const now = brain.member('b')!;
          expect({ host: now.host, port: now.port, tags: now.tags, verified: now.verified, incarnation: now.incarnation }).to.deep.equal({ host, port, tags, verified, incarnation: 4 });
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a node that signs what is not so', () => {
  it('is in quarantine when it signed a claim to the name of another, which is not', () => {
    const brain = knowingB();
    brain.hear(said({ name: 'mallory', host: EVIL_HOST, key: MALLORY, tags: { grpc: 'm:1' } }));
    expect(brain.member('mallory')!.verified).to.equal('yes');
    brain.forget();
    brain.hear(said({ name: 'b', host: EVIL_HOST, key: MALLORY, incarnation: 9 }));
    expect(kinds(brain)).to.deep.equal(['quarantined mallory claimed-another', 'false-claim b signed-by-another']);
    expect(brain.member('mallory')!.quarantine).to.equal('it claims to be b');
    expect(brain.member('b')).to.include({ host: B_HOST, verified: 'yes' }).and.not.to.have.property('quarantine');
    // Its word counts for nothing.
    brain.hear(suspect('b', 1, 'mallory'));
    expect(brain.status('b')).to.equal('alive');
    expect(brain.dropped['quarantined']).to.equal(1);
  });

  it('is let go ten minutes after its last such claim', () => {
    const brain = knowingB();
    const claim = said({ name: 'b', host: EVIL_HOST, key: MALLORY, incarnation: 9 });
    brain.hear(claim);
    brain.pass(9 * MINUTE_MS);
    brain.hear(claim);
    brain.pass(9 * MINUTE_MS);
    learn(brain, peer('b', B), peer('mallory', MALLORY));
    expect(brain.events.some(({ type }) => type === 'released')).to.equal(false);
    brain.pass(MINUTE_MS);
    learn(brain, peer('b', B), peer('mallory', MALLORY));
    expect(brain.events.some(({ type }) => type === 'released')).to.equal(true);
  });

  it('is in quarantine when its own record is false, after time for the truth, until that comes', () => {
    const brain = new BrainUnderTest();
    learn(brain);
    brain.acks = (member) => member === 'b';
    brain.hear(withTags(said({ name: 'b', host: B_HOST, key: B }), (tags) => ({ ...tags, grpc: 'evil:1' })));
    brain.requests = [];
    learn(brain, peer('b', B));
    learn(brain, peer('b', B));
    // Another member may know better.
    expect(brain.requests).to.have.length(1);
    // If it is honest, it hears of it at once.
    expect(brain.sentOf('alive', B_HOST).map(({ node }) => node)).to.include('b');
    expect(brain.member('b')).to.include({ verified: 'pending' }).and.not.to.have.property('quarantine');
    for (let at = 0; at < 31; at++, brain.pass(1_000)) learn(brain, peer('b', B));
    expect(brain.requests.length).to.be.within(6, 12);
    expect(brain.member('b')).to.include({ verified: 'false', quarantine: 'what it says of itself is not signed with its key' });
    expect(kinds(brain)).to.include('quarantined b false-record');
    brain.hear(said({ name: 'b', host: B_HOST, key: B, incarnation: 2 }));
    expect(brain.member('b')).to.include({ verified: 'yes' }).and.not.to.have.property('quarantine');
    expect(kinds(brain)).to.include('released b well-behaved');
  });

  it('is found out by the node whose name it claims, too, which says what is so', () => {
    const brain = knowingB();
    brain.hear(said({ name: 'me', host: '10.0.0.1', key: MALLORY, incarnation: 9 }));
    expect(kinds(brain)).to.include.members(['quarantined mallory claimed-another', 'false-claim me signed-by-another', 'refuted me outdated-claim']);
    expect(brain.member('me')).to.include({ incarnation: 10, verified: 'yes' });
  });

  it('can invent no members', () => {
    const brain = new BrainUnderTest();
    learn(brain);
    brain.hear(said({ name: 'ghost', host: EVIL_HOST, key: MALLORY }));
    learn(brain, peer('mallory', MALLORY));
    expect(brain.member('ghost')).to.include({ verified: 'false' }).and.to.have.property('quarantine');
    expect(kinds(brain)).to.include('quarantined mallory claimed-another');
  });
});

describe('what this node says of itself', () => {
  const announced = (brain: BrainUnderTest): Alive[] => brain.sentOf('alive').filter(({ node }) => node === 'me');
  const isVerified = (claim: Alive): boolean => {
    const other = new Swim({ name: 'other', address: { host: '10.0.0.7', port: 7946 }, tags: {}, profile: PROFILES.lan, random: seededRandom(1) });
    other.handle({ kind: 'started' }, 0);
    other.handle({ kind: 'identities', signer: testKey('other'), peers: [peer('me', ME)] }, 0);
    other.handle({ kind: 'packet', packet: encodeMessage(claim), from: { host: '10.0.0.1', port: 7946 } }, 0);
    return other.members.find(({ name }) => name === 'me')?.verified === 'yes';
  };

  it('is signed at each incarnation', () => {
    const brain = knowingB();
    expect(brain.incarnation).to.equal(1);
    brain.hear(suspect('me', 1, 'b'));
    brain.pass(500);
    const [claim] = announced(brain);
    expect(claim!.incarnation).to.equal(2);
    expect(decodeTags(claim!.meta)['sig']).to.match(/^[\w-]{96}$/);
    expect(isVerified(claim!)).to.equal(true);
    brain.forget();
    brain.tell({ kind: 'retag', tags: { role: 'web', sig: 'mine' } });
    brain.pass(500);
    const retagged = announced(brain).at(-1)!;
    expect(retagged.incarnation).to.equal(3);
    expect(decodeTags(retagged.meta)['role']).to.equal('web');
    expect(isVerified(retagged)).to.equal(true);
  });

  it('is said anew with a new key, and not with the same one', () => {
    const brain = knowingB();
    learn(brain, peer('b', B));
    expect(brain.incarnation).to.equal(1);
    brain.tell({ kind: 'identities', signer: testKey('me later'), peers: [peer('b', B)] });
    expect(brain.incarnation).to.equal(2);
    expect(brain.events).to.deep.equal([]);
  });

  it('is the same to peers that understand no signatures, but for one tag', () => {
    const claim = said({ name: 'b', host: B_HOST, key: B, tags: { role: 'web' } });
    expect(Object.keys(decodeTags(claim.meta))).to.deep.equal(['role', 'sig']);
    expect(claim.vsn).to.deep.equal(VSN);
  });
});
