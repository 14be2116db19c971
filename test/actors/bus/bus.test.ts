import { expect } from 'chai';
import * as fc from 'fast-check';
import { Bus, type BusEffect, type BusInput } from '../../../src/actors/bus/bus.ts';

const HELLO = Buffer.from('hello');

/** A bus that has been told all of `inputs`. */
function busAfter(...inputs: BusInput[]): Bus {
  const bus = new Bus({ self: 'n1' });
  for (const input of inputs) bus.handle(input);
  return bus;
}

const subscribe = (subject: string, subscriber: string): BusInput => ({ kind: 'subscribe', subject, subscriber });
const publish = (subject: string, payload: Uint8Array = HELLO): BusInput => ({ kind: 'publish', subject, payload });

describe('the bus', () => {
  it('delivers what is published to every subscriber of exactly that subject', () => {
    const bus = busAfter(subscribe('weather', '/a'), subscribe('weather', '/b'), subscribe('weather.rain', '/c'));
    expect(bus.handle(publish('weather'))).to.deep.equal([
      { kind: 'deliver', subscriber: '/a', subject: 'weather', payload: HELLO, from: 'n1' },
      { kind: 'deliver', subscriber: '/b', subject: 'weather', payload: HELLO, from: 'n1' },
    ]);
  });

  it('delivers once to a subscriber that subscribed twice', () => {
    const bus = busAfter(subscribe('weather', '/a'), subscribe('weather', '/a'));
    expect(bus.handle(publish('weather'))).to.have.length(1);
  });

  it('sends to the peers that want the subject and to no other', () => {
    const bus = busAfter(
      { kind: 'peer-up', node: 'n2' },
      { kind: 'peer-up', node: 'n3' },
      { kind: 'interest-arrived', node: 'n2', subjects: ['weather'] },
      { kind: 'interest-arrived', node: 'n3', subjects: ['traffic'] },
    );
    expect(bus.handle(publish('weather'))).to.deep.equal([{ kind: 'send-message', node: 'n2', subject: 'weather', payload: HELLO }]);
  });

  it('never forwards what came from a peer', () => {
    const bus = busAfter(
      subscribe('weather', '/a'),
      { kind: 'peer-up', node: 'n2' },
      { kind: 'peer-up', node: 'n3' },
      { kind: 'interest-arrived', node: 'n2', subjects: ['weather'] },
      { kind: 'interest-arrived', node: 'n3', subjects: ['weather'] },
    );
    expect(bus.handle({ kind: 'message-arrived', node: 'n2', subject: 'weather', payload: HELLO })).to.deep.equal([
      { kind: 'deliver', subscriber: '/a', subject: 'weather', payload: HELLO, from: 'n2' },
    ]);
  });

  it('tells a new session everything that is wanted here', () => {
    const bus = busAfter(subscribe('weather', '/a'), subscribe('traffic', '/b'));
    expect(bus.handle({ kind: 'peer-up', node: 'n2' })).to.deep.equal([{ kind: 'send-interest', node: 'n2', subjects: ['weather', 'traffic'] }]);
  });

  it('gathers many changes of interest into one telling', () => {
    const bus = busAfter({ kind: 'peer-up', node: 'n2' });
    const effects = ['a', 'b', 'c'].flatMap((subject) => bus.handle(subscribe(subject, '/a')));
    expect(effects.filter((effect) => effect.kind === 'schedule-interest')).to.have.length(1);
    expect(bus.handle({ kind: 'tell-interest' })).to.deep.equal([{ kind: 'send-interest', node: 'n2', subjects: ['a', 'b', 'c'] }]);
  });

  it('forgets what a peer wanted when its session goes down', () => {
    const bus = busAfter({ kind: 'peer-up', node: 'n2' }, { kind: 'interest-arrived', node: 'n2', subjects: ['weather'] }, { kind: 'peer-down', node: 'n2' });
    expect(bus.handle(publish('weather'))).to.deep.equal([]);
    bus.handle({ kind: 'interest-arrived', node: 'n2', subjects: ['weather'] });
    expect(bus.handle(publish('weather')), 'an interest that comes after the end').to.deep.equal([]);
  });

  it('forgets a subscriber that is gone, and no longer wants what only it wanted', () => {
    const bus = busAfter(subscribe('weather', '/a'), subscribe('traffic', '/a'), subscribe('traffic', '/b'));
    const effects = bus.handle({ kind: 'subscriber-down', subscriber: '/a' });
    expect(effects).to.deep.include({ kind: 'forget', subscriber: '/a' });
    expect(bus.subjects).to.deep.equal(['traffic']);
  });

  it('addresses one node whether or not it has told what it wants', () => {
    const bus = busAfter(subscribe('answers', '/a'), { kind: 'peer-up', node: 'n2' });
    const to = (node: string): readonly BusEffect[] => bus.handle({ kind: 'publish-to', node, subject: 'answers', payload: HELLO });
    expect(to('n2')).to.deep.equal([{ kind: 'send-message', node: 'n2', subject: 'answers', payload: HELLO }]);
    expect(to('n1')).to.deep.equal([{ kind: 'deliver', subscriber: '/a', subject: 'answers', payload: HELLO, from: 'n1' }]);
    expect(to('n3')).to.deep.equal([]);
    expect(bus.dropped['no-session']).to.equal(1);
  });

  it('drops and counts a payload above one MiB, and takes one of exactly that', () => {
    const bus = busAfter(subscribe('weather', '/a'));
    expect(bus.handle(publish('weather', new Uint8Array(1024 * 1024)))).to.have.length(1);
    expect(bus.handle(publish('weather', new Uint8Array(1024 * 1024 + 1)))).to.deep.equal([]);
    expect(bus.dropped['too-large']).to.equal(1);
  });

  it('drops and counts subjects that are empty, too long or no word', () => {
    const bus = busAfter(publish(''), subscribe('x'.repeat(257), '/a'), subscribe('two words', '/a'), subscribe('wörter', '/a'));
    expect(bus.dropped.subject).to.equal(4);
    expect(bus.subjects).to.deep.equal([]);
  });

  it('refuses the subscription that is one too many and keeps the others', () => {
    const bus = new Bus({ self: 'n1' });
    for (let at = 0; at < 10_000; at++) bus.handle(subscribe(`s${at}`, '/a'));
    expect(bus.handle(subscribe('late', '/b'))).to.deep.equal([{ kind: 'forget', subscriber: '/b' }]);
    expect(bus.dropped['subscriptions-full']).to.equal(1);
    bus.handle({ kind: 'unsubscribe', subject: 's0', subscriber: '/a' });
    bus.handle(subscribe('late', '/b'));
    expect(bus.subjects).to.include('late').and.to.have.length(10_000);
  });

  it('watches each subscriber exactly while it wants something', () => {
    const subject = fc.constantFrom('s1', 's2', 's3');
    const subscriber = fc.constantFrom('/a', '/b');
    const step: fc.Arbitrary<BusInput> = fc.oneof(
      fc.record({ kind: fc.constant('subscribe' as const), subject, subscriber }),
      fc.record({ kind: fc.constant('unsubscribe' as const), subject, subscriber }),
      fc.record({ kind: fc.constant('subscriber-down' as const), subscriber }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const bus = new Bus({ self: 'n1' });
        const watched = new Set<string>();
        const wanted = new Set<string>();
        for (const input of steps) {
          if (input.kind === 'subscribe') wanted.add(`${input.subscriber} ${input.subject}`);
          if (input.kind === 'unsubscribe') wanted.delete(`${input.subscriber} ${input.subject}`);
          if (input.kind === 'subscriber-down') for (const pair of wanted) if (pair.startsWith(input.subscriber)) wanted.delete(pair);
          for (const effect of bus.handle(input)) {
            if (effect.kind === 'watch') expect(watched.has(effect.subscriber)).to.equal(false);
            if (effect.kind === 'watch') watched.add(effect.subscriber);
            if (effect.kind === 'forget') watched.delete(effect.subscriber);
          }
          expect([...watched]).to.have.members([...new Set([...wanted].map((pair) => pair.split(' ')[0]!))]);
        }
      }),
    );
  });
});
