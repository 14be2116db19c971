import { expect } from 'chai';
import { chaosRequests } from '../../../src/actors/admin/chaos-requests.ts';
import { MeshError } from '../../../src/errors.ts';
import type { AdminSink } from '../../../src/transport/admin-service.ts';
import type { ChaosHandler } from '../../../src/transport/chaos-service.ts';
import type { FaultItem } from '../../../src/transport/generated/omega/mesh/v1/FaultItem.ts';
import type { FaultRequest__Output } from '../../../src/transport/generated/omega/mesh/v1/FaultRequest.ts';
import type { StormItem } from '../../../src/transport/generated/omega/mesh/v1/StormItem.ts';
import type { StormRequest__Output } from '../../../src/transport/generated/omega/mesh/v1/StormRequest.ts';
import { startWorld } from '../../support/actor-world.ts';
import type { ActorWorld } from '../../support/actor-world.ts';
import { puppet, supervisor } from '../../supervision/puppet.ts';

class Sink<T> implements AdminSink<T> {
  readonly sent: T[] = [];
  isClosed = false;
  readonly #listeners: (() => void)[] = [];

  send(message: T): boolean {
    if (!this.isClosed) this.sent.push(message);
    return !this.isClosed;
  }

  onDrained(): void {
    // There is always room.
  }

  onClosed(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const listener of this.#listeners) listener();
  }
}

function faultOf(act: () => unknown): MeshError {
  try {
    act();
  } catch (error) {
    if (error instanceof MeshError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('what an operator has broken', () => {
  let world: ActorWorld;
  let chaos: ChaosHandler;

  beforeEach(async () => {
    world = await startWorld({
      children: [supervisor('rooms', 'rest_for_one', [puppet('a'), puppet('b')]), supervisor('edge', 'one_for_one', [puppet('admin')])],
    });
    chaos = chaosRequests({ system: world.system, timers: () => world.clock.timers });
  });
  afterEach(() => world.stop());

  const order = (fault: string, path: string, parts: Partial<FaultRequest__Output> = {}): FaultRequest__Output => ({ fault, path, force: false, by: 'eve', forMs: 0, delayMs: 0, messages: 0, mebibytes: 0, ...parts });
  const inflict = (request: FaultRequest__Output): Sink<FaultItem> => {
    const sink = new Sink<FaultItem>();
    chaos.inflict(request, sink);
    return sink;
  };
  const storm = (parts: Partial<StormRequest__Output> = {}): Sink<StormItem> => {
    const sink = new Sink<StormItem>();
    chaos.runStorm({ seed: 7, forMs: 2_000, ratePerS: 20, minRunning: '50%', only: '', faults: [], force: false, by: 'eve', ...parts }, sink);
    return sink;
  };
  const told = (): string[] => world.system.events.latest('/', 10_000).filter(({ type, path }) => type === 'admin' && path === '/').map(({ reason }) => reason);
  const livesOf = (...paths: string[]): unknown[] => paths.map((path) => world.system.find(path)?.life);

  it('is foretold and not done', async () => {
    const { steps, decisions, nodeEnds } = await chaos.foresee({ fault: 'kill', path: '/rooms/a' });
    expect(steps?.map(({ kind, path }) => `${kind} ${path}`)).to.deep.equal(['stop /rooms/a', 'stop /rooms/b', 'start /rooms/a', 'start /rooms/b']);
    expect(decisions).to.deep.equal([{ supervisor: '/rooms', child: '/rooms/a', decision: 'restart', delayMs: 0, used: 1, intensity: 3, periodMs: 5_000 }]);
    expect([nodeEnds, livesOf('/rooms/a')]).to.deep.equal(['', [1]]);
  });

  it('is foretold of kills only, of actors that run', async () => {
    const code = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'answered', (error: MeshError) => `${error.code} ${error.todo ?? ''}`);
    expect(await code(chaos.foresee({ fault: 'hang', path: '/rooms/a' }))).to.include('BAD_ARGUMENT');
    expect(await code(chaos.foresee({ fault: 'kill', path: '/romms/a' }))).to.include('UNKNOWN_PATH did you mean /rooms/a?');
  });

  it('ends a moment after the answer when it ends a life', async () => {
    const sink = inflict(order('crash', '/rooms/*'));
    expect(sink.sent).to.deep.equal([
      { begun: { path: '/rooms/a', life: 1, what: 'crash' } },
      { begun: { path: '/rooms/b', life: 1, what: 'crash' } },
    ]);
    expect([sink.isClosed, livesOf('/rooms/a')]).to.deep.equal([true, [1]]);
    await world.advance(100);
    expect(livesOf('/rooms/a')).to.deep.equal([2]);
  });

  it('tells of its beginning and its end, and then there is no more to tell', async () => {
    const sink = inflict(order('hang', '/rooms/*', { forMs: 500 }));
    await world.advance(499);
    expect([sink.sent.length, sink.isClosed]).to.deep.equal([2, false]);
    await world.advance(1);
    expect(sink.sent.slice(2)).to.deep.equal([{ over: { path: '/rooms/a', life: 1, why: 'time' } }, { over: { path: '/rooms/b', life: 1, why: 'time' } }]);
    expect(sink.isClosed).to.equal(true);
  });

  it('is taken back when the asker’s stream ends', () => {
    const before = world.clock.timers;
    const sink = inflict(order('leak', '/rooms/*', { mebibytes: 1 }));
    expect(world.clock.timers).to.be.greaterThan(before + 2_000);
    sink.close();
    expect(world.clock.timers).to.equal(before);
  });

  it('spares the operator’s own door in a glob, refuses it by name, and takes it with force', () => {
    expect(inflict(order('flood', '/edge**')).sent).to.deep.equal([{ spared: { path: '/edge', why: 'door' } }, { spared: { path: '/edge/admin', why: 'door' } }]);
    expect(faultOf(() => inflict(order('hang', '/edge/admin'))).code).to.equal('REFUSED');
    expect(inflict(order('flood', '/edge/admin', { force: true })).sent[0]).to.have.property('begun');
  });

  it('must be somebody, and within limits', () => {
    expect(faultOf(() => inflict(order('hang', '/romms/*')))).to.include({ code: 'UNKNOWN_PATH', message: 'no actor matches /romms/*' });
    expect(faultOf(() => inflict(order('hang', '/rooms/x'))).code).to.equal('UNKNOWN_PATH');
    expect(faultOf(() => inflict(order('burn', '/rooms/a')))).to.include({ code: 'BAD_ARGUMENT', expected: 'one of kill, crash, hang, slow, flood, leak' });
    expect(faultOf(() => inflict(order('hang', '/rooms/a', { forMs: 4_000_000 }))).code).to.equal('BAD_ARGUMENT');
    expect(faultOf(() => inflict(order('leak', '**', { mebibytes: 200 }))).code).to.equal('TOO_LARGE');
  });

  it('by a storm ends with a verdict', async () => {
    const sink = storm();
    await world.advance(60_000);
    const verdict = sink.sent.at(-1)?.verdict;
    expect(verdict?.checks?.filter(({ held }) => held !== true)).to.deep.equal([]);
    expect(verdict).to.include({ held: true, seed: 7 });
    expect(sink.isClosed).to.equal(true);
    expect(sink.sent.filter(({ progress }) => progress)).to.have.length.greaterThan(3);
    expect(livesOf('/', '/edge', '/edge/admin'), 'the door').to.deep.equal([1, 1, 1]);
    expect(told()).to.deep.equal(['storm of seed 7 for 2000 ms at 20 a second asked by eve', 'storm of seed 7: over, and every promise held']);
  });

  it('by a storm hits only whom it may', async () => {
    storm({ only: '/rooms/b', faults: ['kill'] });
    await world.advance(5_000);
    expect(livesOf('/rooms/a')).to.deep.equal([1]);
    expect(world.system.find('/rooms/b')?.life).to.be.greaterThan(1);
  });

  it('by a storm is taken back when the asker’s stream ends, and another storm may begin', async () => {
    const before = world.clock.timers;
    const sink = storm({ faults: ['leak', 'hang'] });
    await world.advance(500);
    expect(faultOf(() => storm()).code).to.equal('OVERLOADED');
    sink.close();
    await world.settle();
    expect(world.clock.timers).to.equal(before);
    expect(told().at(-1)).to.equal('storm of seed 7: taken back, for its command has ended');
    storm().close();
  });

  it('by a storm has its limits too', () => {
    for (const parts of [{ forMs: 0 }, { ratePerS: 1_000 }, { minRunning: 'some' }, { minRunning: '101%' }, { faults: ['burn'] }]) {
      expect(faultOf(() => storm(parts)).code, JSON.stringify(parts)).to.equal('BAD_ARGUMENT');
    }
    expect(faultOf(() => storm({ only: '/x*' })).code).to.equal('UNKNOWN_PATH');
    storm().close();
  });
});
