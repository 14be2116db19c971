import { expect } from 'chai';
import * as fc from 'fast-check';
import { PULSE_MS, Session, type SessionEffect, type SessionInput } from '../../../src/actors/peers/session.ts';
import { seededRandom } from '../../../src/random.ts';
import type { PeerFrame__Output } from '../../../src/transport/generated/omega/mesh/v1/PeerFrame.ts';

const at = (node: string): string => `127.0.0.1:${7_000 + node.charCodeAt(0)}`;
const helloFrom = (node: string, target: string, protocol = 1, address = at(node)): PeerFrame__Output => ({ hello: { node, target, protocol, address }, body: 'hello' });

/** A session in virtual time that keeps count of what it made happen. */
class Scene {
  now = 0;
  readonly brain: Session;
  readonly open = new Set<number>();
  readonly told: string[] = [];
  readonly effects: SessionEffect[] = [];

  constructor(self: string, node: string) {
    this.brain = new Session({ self: { node: self, address: at(self) }, peer: { node, address: at(node) }, firstGeneration: 100, random: seededRandom(1) });
  }

  say(input: SessionInput): readonly SessionEffect[] {
    const effects = this.brain.handle(input, this.now);
    for (const effect of effects) this.#note(effect);
    return effects;
  }

  /** Lets time pass with its pulses; `during` happens after each. */
  pass(ms: number, during: () => void = () => undefined): void {
    for (const until = this.now + ms; this.now < until; ) {
      this.now += PULSE_MS;
      this.say({ kind: 'pulse' });
      during();
    }
  }

  kinds(kind: SessionEffect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length;
  }

  get generation(): number {
    return [...this.open].at(-1) ?? -1;
  }

  get redial(): SessionEffect & { kind: 'schedule-redial' } {
    return this.effects.findLast((effect) => effect.kind === 'schedule-redial')!;
  }

  #note(effect: SessionEffect): void {
    this.effects.push(effect);
    if (effect.kind === 'dial' || effect.kind === 'adopt') this.open.add(effect.generation);
    if (effect.kind === 'close') this.open.delete(effect.generation);
    if (effect.kind === 'tell-up' || effect.kind === 'tell-down') this.told.push(effect.kind);
  }
}

function openDialer(): Scene {
  const scene = new Scene('a', 'b');
  scene.say({ kind: 'started' });
  scene.say({ kind: 'frame', generation: scene.generation, frame: helloFrom('b', 'a') });
  return scene;
}

describe('a peer session', () => {
  it('is dialled by the node whose name sorts first, and by that one only', () => {
    const first = new Scene('a', 'b');
    const second = new Scene('b', 'a');
    expect(first.say({ kind: 'started' }).map((effect) => effect.kind)).to.deep.equal(['dial', 'send', 'report']);
    expect(second.say({ kind: 'started' }).map((effect) => effect.kind)).to.deep.equal(['report']);
  });

  it('is open for the dialer when the other has said hello', () => {
    const scene = new Scene('a', 'b');
    const [, hello] = scene.say({ kind: 'started' });
    expect(hello).to.deep.equal({ kind: 'send', generation: 101, frame: { hello: { node: 'a', address: at('a'), target: 'b', protocol: 1 } } });
    expect(scene.brain.state).to.equal('connecting');
    scene.say({ kind: 'frame', generation: 101, frame: helloFrom('b', 'a') });
    expect(scene.brain.state).to.equal('open');
    expect(scene.told).to.deep.equal(['tell-up']);
  });

  it('is open for the other as soon as a stream is attached, and answers with its hello', () => {
    const scene = new Scene('b', 'a');
    scene.say({ kind: 'started' });
    const effects = scene.say({ kind: 'attached' });
    expect(effects.slice(0, 3)).to.deep.equal([
      { kind: 'adopt', generation: 101 },
      { kind: 'send', generation: 101, frame: { hello: { node: 'b', address: at('b'), target: 'a', protocol: 1 } } },
      { kind: 'tell-up' },
    ]);
  });

  const badHellos: [string, PeerFrame__Output, string][] = [
    ['that names another node', helloFrom('c', 'a'), 'REFUSED'],
    ['meant for another node', helloFrom('b', 'c'), 'REFUSED'],
    ['of another protocol', helloFrom('b', 'a', 2), 'REFUSED'],
    ['that is no hello', { ping: { sequence: 1 }, body: 'ping' }, 'MALFORMED'],
  ];
  for (const [what, frame, code] of badHellos) {
    it(`is given up at a first frame ${what}`, () => {
      const scene = new Scene('a', 'b');
      scene.say({ kind: 'started' });
      const [close] = scene.say({ kind: 'frame', generation: 101, frame });
      expect(close).to.have.property('kind', 'close');
      expect(close).to.have.nested.property('fault.code', code);
      expect(scene.brain.state).to.equal('backoff');
      expect(scene.told).to.deep.equal([]);
    });
  }

  it('is given up when no hello comes in five seconds', () => {
    const scene = new Scene('a', 'b');
    scene.say({ kind: 'started' });
    scene.pass(4_000);
    expect(scene.brain.state).to.equal('connecting');
    scene.pass(1_000);
    expect(scene.brain.state).to.equal('backoff');
  });

  it('is given up when nothing is heard for five seconds, and not when anything is', () => {
    const scene = openDialer();
    scene.pass(30_000, () => scene.say({ kind: 'frame', generation: 101, frame: { ping: { sequence: 1 }, body: 'ping' } }));
    expect(scene.told).to.deep.equal(['tell-up']);
    scene.pass(5_000);
    expect(scene.told).to.deep.equal(['tell-up', 'tell-down']);
    expect(scene.open.size).to.equal(0);
  });

  it('measures the round trip as the median of the last nine', () => {
    const scene = openDialer();
    const delays = [500, 1, 2, 3, 4, 5, 6, 7, 8, 400];
    for (const delayMs of delays) {
      scene.now += PULSE_MS;
      const sequence = scene.say({ kind: 'pulse' }).flatMap((effect) => (effect.kind === 'send' ? [Number(effect.frame.ping?.sequence)] : []))[0]!;
      scene.now += delayMs;
      scene.say({ kind: 'frame', generation: 101, frame: { pong: { sequence }, body: 'pong' } });
      scene.say({ kind: 'frame', generation: 101, frame: { pong: { sequence }, body: 'pong' } });
    }
    expect(scene.brain.rttMs).to.equal(5);
  });

  it('answers a ping with its number', () => {
    const scene = openDialer();
    expect(scene.say({ kind: 'frame', generation: 101, frame: { ping: { sequence: 7 }, body: 'ping' } })).to.deep.equal([
      { kind: 'send', generation: 101, frame: { pong: { sequence: 7 } } },
    ]);
  });

  it('waits longer after each failure, up to half a minute, and starts over after a good session', () => {
    const scene = new Scene('a', 'b');
    scene.say({ kind: 'started' });
    const waits: number[] = [];
    for (let at = 0; at < 12; at++) {
      scene.say({ kind: 'closed', generation: scene.generation, fault: undefined });
      waits.push(scene.redial.delayMs);
      scene.say({ kind: 'redial', generation: scene.redial.generation });
    }
    expect(waits[0]).to.be.within(160, 240);
    expect(waits[3]).to.be.within(1_280, 1_920);
    expect(waits[11]).to.be.within(24_000, 36_000);
    scene.say({ kind: 'frame', generation: scene.generation, frame: helloFrom('b', 'a') });
    scene.now += 5_000;
    scene.say({ kind: 'closed', generation: scene.generation, fault: undefined });
    expect(scene.redial.delayMs).to.be.within(160, 240);
  });

  it('is replaced by a newer stream: the rooms hear of the end before the new beginning', () => {
    const scene = new Scene('b', 'a');
    scene.say({ kind: 'started' });
    scene.say({ kind: 'attached' });
    scene.say({ kind: 'attached' });
    expect([...scene.open]).to.deep.equal([102]);
    expect(scene.told).to.deep.equal(['tell-up', 'tell-down', 'tell-up']);
    scene.say({ kind: 'closed', generation: 101, fault: undefined });
    expect(scene.brain.state, 'what the old stream still says is ignored').to.equal('open');
  });

  it('drops and counts what it cannot carry', () => {
    const scene = new Scene('a', 'b');
    const frame = { bus: { interest: { subjects: [] } } };
    scene.say({ kind: 'started' });
    expect(scene.say({ kind: 'carry', frame })).to.deep.equal([]);
    expect(scene.brain.dropped).to.deep.equal({ full: 0, closed: 1 });
    scene.say({ kind: 'frame', generation: 101, frame: helloFrom('b', 'a') });
    expect(scene.say({ kind: 'carry', frame })).to.deep.equal([{ kind: 'send', generation: 101, frame }]);
    scene.say({ kind: 'sent', generation: 101, outcome: 'full' });
    expect(scene.brain.dropped).to.deep.equal({ full: 1, closed: 1 });
    expect(scene.brain.state, 'a full stream is still a stream').to.equal('open');
  });

  it('never has two streams, and tells up and down strictly in turn, whatever happens in whatever order', () => {
    const generation = fc.integer({ min: 100, max: 112 });
    const step: fc.Arbitrary<SessionInput | number> = fc.oneof(
      fc.constant<SessionInput>({ kind: 'attached' }),
      fc.constant<SessionInput>({ kind: 'carry', frame: {} }),
      fc.record({ kind: fc.constant('redial' as const), generation }),
      fc.record({ kind: fc.constant('closed' as const), generation, fault: fc.constant(undefined) }),
      fc.record({ kind: fc.constant('sent' as const), generation, outcome: fc.constantFrom('accepted' as const, 'full' as const, 'closed' as const) }),
      fc.record({ kind: fc.constant('frame' as const), generation, frame: fc.constantFrom(helloFrom('b', 'a'), helloFrom('c', 'a'), helloFrom('a', 'b')) }),
      fc.integer({ min: 1, max: 12 }),
    );
    fc.assert(
      fc.property(fc.constantFrom('a', 'c'), fc.array(step, { maxLength: 60 }), (self, steps) => {
        const scene = new Scene(self, 'b');
        scene.say({ kind: 'started' });
        for (const next of steps) {
          if (typeof next === 'number') scene.pass(next * PULSE_MS);
          else scene.say(next);
          expect(scene.open.size).to.be.at.most(1);
        }
        scene.say({ kind: 'stopping' });
        expect(scene.open.size, 'all streams are closed at the end').to.equal(0);
        scene.told.forEach((told, at) => expect(told).to.equal(at % 2 === 0 ? 'tell-up' : 'tell-down'));
        expect(scene.told.length % 2, 'the last word is down').to.equal(0);
      }),
    );
  });
});
