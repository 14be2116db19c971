import { expect } from 'chai';
import { VirtualClock, systemClock } from '../../src/clock.ts';
import { seededRandom } from '../../src/random.ts';
import { FAIR_WEATHER, MemoryNetwork, type MemoryTransport, type Weather } from '../../src/transport/memory-network.ts';
import { bytes, gossipTransportContract, listenAt } from './gossip-transport-contract.ts';

gossipTransportContract('in memory', () => {
  const network = new MemoryNetwork(systemClock, seededRandom(1));
  let nextPort = 1;
  // Async, so that a taken port is a rejection as it is on a real network.
  return { open: async (port) => network.open({ host: '127.0.0.1', port: port ?? nextPort++ }) };
});

describe('the network in memory', () => {
  type Inbox = ReturnType<typeof listenAt>;

  const openTwo = (weather: Partial<Weather> = {}): { clock: VirtualClock; network: MemoryNetwork; a: MemoryTransport; b: MemoryTransport; atA: Inbox; atB: Inbox } => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock, seededRandom(7), { ...FAIR_WEATHER, ...weather });
    const [a, b] = [network.open({ host: '10.0.0.1', port: 1 }), network.open({ host: '10.0.0.2', port: 1 })];
    const atA = listenAt(a);
    return { clock, network, a, b, atA, atB: listenAt(b, (request, reply) => reply(request)) };
  };

  const texts = ({ packets }: Inbox): string[] => packets.map((packet) => packet.text);

  const sendHundred = (from: MemoryTransport, to: MemoryTransport): void => {
    for (let i = 0; i < 100; i++) from.send(to.local, bytes(String(i)));
  };

  it('takes its time', () => {
    const { clock, a, b, atB } = openTwo({ delayMinMs: 10, delayMaxMs: 10 });
    a.send(b.local, bytes('x'));
    clock.advance(9);
    expect(texts(atB)).to.deep.equal([]);
    clock.advance(1);
    expect(texts(atB)).to.deep.equal(['x']);
  });

  it('loses the share of packets it is told to', () => {
    const { clock, a, b, atB } = openTwo({ loss: 0.3 });
    sendHundred(a, b);
    clock.advance(100);
    expect(atB.packets.length).to.be.within(55, 85);
  });

  it('brings some packets twice', () => {
    const { clock, a, b, atB } = openTwo({ duplication: 0.3 });
    sendHundred(a, b);
    clock.advance(100);
    expect(atB.packets.length).to.be.within(115, 145);
  });

  it('lets packets overtake each other', () => {
    const { clock, a, b, atB } = openTwo({ delayMinMs: 1, delayMaxMs: 50 });
    sendHundred(a, b);
    clock.advance(100);
    expect(texts(atB)).to.not.deep.equal(Array.from({ length: 100 }, (_, i) => String(i)));
    expect(new Set(texts(atB)).size).to.equal(100);
  });

  it('cut one way, carries the other way until it heals', () => {
    const { clock, network, a, b, atA, atB } = openTwo();
    network.cut(a.local, b.local);
    a.send(b.local, bytes('lost'));
    b.send(a.local, bytes('heard'));
    clock.advance(100);
    expect([texts(atA), texts(atB)]).to.deep.equal([['heard'], []]);
    network.heal();
    a.send(b.local, bytes('healed'));
    clock.advance(100);
    expect(texts(atB)).to.deep.equal(['healed']);
  });

  it('a request across a cut fails when its time is up', () => {
    const { clock, network, a, b } = openTwo();
    const outcomes: unknown[] = [];
    network.cut(b.local, a.local);
    a.exchange(b.local, bytes('hello!'), 500, (outcome) => outcomes.push(outcome));
    clock.advance(499);
    expect(outcomes).to.deep.equal([]);
    clock.advance(1);
    expect(outcomes).to.have.length(1);
    expect(outcomes[0]).to.have.property('code', 'NODE_UNREACHABLE');
  });

  it('lossy weather makes requests late and does not lose them', () => {
    const { clock, a, b } = openTwo({ loss: 0.3 });
    const latenciesMs: number[] = [];
    for (let i = 0; i < 50; i++) a.exchange(b.local, bytes('hello!'), 60_000, (outcome) => latenciesMs.push(outcome instanceof Uint8Array ? clock.now() : NaN));
    clock.advance(60_000);
    expect(latenciesMs).to.have.length(50);
    expect(Math.min(...latenciesMs)).to.be.below(10);
    expect(Math.max(...latenciesMs)).to.be.within(200, 30_000);
  });

  it('does not tell the world of a crash', () => {
    const { clock, a, b, atB } = openTwo({ delayMinMs: 10, delayMaxMs: 10 });
    a.send(b.local, bytes('on its way'));
    void b.close();
    clock.advance(100);
    expect(texts(atB)).to.deep.equal([]);
  });

  it('has the same weather for the same seed', () => {
    const arrivals = (): string[] => {
      const { clock, a, b, atB } = openTwo({ loss: 0.2, duplication: 0.1, delayMaxMs: 40 });
      sendHundred(a, b);
      clock.advance(100);
      return texts(atB);
    };
    expect(arrivals()).to.deep.equal(arrivals());
  });
});
