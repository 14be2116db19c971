/** Faults on purpose: what each does to a life, and that nothing is left of it afterwards. */
import { expect } from 'chai';
import { FAULT_DEFAULTS } from '../../src/supervision/chaos/fault.ts';
import type { Fault, FaultOrder } from '../../src/supervision/chaos/fault.ts';
import { FaultInjector } from '../../src/supervision/chaos/injector.ts';
import type { FaultEnd, Inflicted } from '../../src/supervision/chaos/injector.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { inBothLanes, lifeOf, order, puppet, statusOf } from './puppet.ts';
import type { Order } from './puppet.ts';

function orderOf(fault: Fault, parts: Partial<FaultOrder> = {}): FaultOrder {
  return { ...FAULT_DEFAULTS, fault, forMs: 1_000, ...parts };
}

inBothLanes('a fault on purpose', () => {
  let world: ActorWorld;
  let injector: FaultInjector;
  let ends: FaultEnd[];
  let heard: number[];
  const asked: unknown[] = [];

  beforeEach(async () => {
    ends = [];
    heard = [];
    asked.length = 0;
    const coalesceKey = (message: unknown): undefined => void asked.push(message);
    world = await startWorld({ children: [puppet('a', { mailbox: { max: 20 } }), puppet('b', { mailbox: { max: 20, overflow: 'coalesce', coalesceKey } }), puppet('c', { shutdown: 100 })] });
    injector = new FaultInjector(world.system);
  });
  afterEach(async () => {
    await world.stop();
    await world.advance(100);
    expect(world.clock.timers, 'timers left').to.equal(0);
  });

  const note = (): Order => () => void heard.push(world.clock.now());

  function inflict(path: string, what: FaultOrder): Inflicted {
    const struck = injector.inflict(path, what, 'the test', (why) => ends.push(why));
    if (struck.outcome !== 'inflicted') throw new Error(`${path}: ${struck.outcome}`);
    return struck;
  }

  it('kill and crash end the life, crash with an error that says who asked', async () => {
    inflict('/a', orderOf('kill'));
    inflict('/b', orderOf('crash'));
    await world.settle();
    expect([lifeOf(world, '/a'), lifeOf(world, '/b')]).to.deep.equal([2, 2]);
    const crash = world.system.events.latest('/b', 10).find(({ type }) => type === 'crash');
    expect(crash?.error).to.deep.include({ name: 'InjectedCrash', message: 'a crash that the test asked for' });
  });

  it('hang keeps the next handler from settling, and lets it go when its time is over', async () => {
    inflict('/a', orderOf('hang'));
    await order(world, '/a', note());
    await order(world, '/a', note());
    await world.advance(999);
    expect(heard).to.deep.equal([]);
    await world.advance(2);
    expect(heard).to.deep.equal([1_000, 1_000]);
    expect([ends, lifeOf(world, '/a')]).to.deep.equal([['time'], 1]);
  });

  it('a life that hangs can be killed, handles nothing more, and is no zombie', async () => {
    inflict('/a', orderOf('hang'));
    await order(world, '/a', note());
    world.system.kill('/a', 'operator');
    await world.settle();
    expect([ends, heard, world.system.find('/a')?.zombies, statusOf(world, '/a'), lifeOf(world, '/a')]).to.deep.equal([['life'], [], 0, 'running', 2]);
    await order(world, '/a', note());
    expect(heard, 'the next life has no fault').to.have.length(1);
  });

  it('a life that hangs is past its time when it is to stop, and is killed', async () => {
    inflict('/c', orderOf('hang', { forMs: 60_000 }));
    await order(world, '/c', note());
    await world.stop();
    expect(world.clock.now()).to.equal(100);
    expect(ends).to.deep.equal(['life']);
  });

  it('slow starts each handler late', async () => {
    inflict('/a', orderOf('slow', { delayMs: 100 }));
    for (let message = 0; message < 3; message++) world.ref<Order>('/a').send(note());
    await world.advance(1_000);
    expect(heard).to.deep.equal([100, 200, 300]);
    await order(world, '/a', note());
    expect(heard.at(-1), 'as quick as before').to.equal(1_000);
    expect(ends).to.deep.equal(['time']);
  });

  it('flood fills the mailbox up to its limit with messages that no behavior hears', async () => {
    world.system.suspend('/a', 'operator');
    expect(inflict('/a', orderOf('flood')).messages).to.equal(20);
    expect(world.ref<Order>('/a').send(note())).to.equal('full');
    world.system.resume('/a', 'operator');
    await world.settle();
    expect([world.system.find('/a')?.processed, world.system.find('/a')?.mailbox.depth, lifeOf(world, '/a')]).to.deep.equal([0, 0, 1]);
    expect(inflict('/a', orderOf('flood', { messages: 3 })).messages).to.equal(3);
  });

  it('flood asks no coalesceKey, which would be the behavior’s own', async () => {
    inflict('/b', orderOf('flood'));
    await world.settle();
    expect(asked).to.deep.equal([]);
  });

  it('leak holds timers until its time is over, or the life is', async () => {
    const before = world.clock.timers;
    inflict('/a', orderOf('leak', { mebibytes: 1 }));
    inflict('/b', orderOf('leak', { mebibytes: 1 }));
    expect(world.clock.timers).to.be.greaterThan(before + 2_000);
    world.system.kill('/b', 'operator');
    await world.settle();
    expect(ends).to.deep.equal(['life']);
    await world.advance(1_000);
    expect([world.clock.timers, ends]).to.deep.equal([before, ['life', 'time']]);
  });

  for (const fault of ['hang', 'slow', 'leak'] as const) {
    it(`${fault} is taken back at once when whoever asked is gone`, async () => {
      const before = world.clock.timers;
      const { revert } = inflict('/a', orderOf(fault, { mebibytes: 1, delayMs: 60_000 }));
      await order(world, '/a', note());
      revert();
      revert();
      await world.settle();
      expect([ends, heard, world.clock.timers]).to.deep.equal([['taken-back'], [0], before]);
    });
  }

  it('is refused where another goes on, and where nobody runs', async () => {
    inflict('/a', orderOf('hang'));
    expect(injector.inflict('/a', orderOf('slow'), 'the test')).to.deep.equal({ outcome: 'occupied' });
    expect(injector.inflict('/nobody', orderOf('hang'), 'the test')).to.deep.equal({ outcome: 'no-life' });
    await world.advance(1_000);
    inflict('/a', orderOf('slow'));
  });

  it('leaves an event that says who asked for what', () => {
    for (const fault of ['hang', 'flood'] as const) inflict(fault === 'hang' ? '/a' : '/b', orderOf(fault));
    const lines = world.system.events.latest('/', 10).filter(({ type }) => type === 'admin').map(({ path, reason }) => `${path} ${reason}`);
    expect(lines).to.deep.equal(['/a hang for 1000 ms asked by the test', '/b flood asked by the test']);
  });

  it('may be struck a moment later, and hits only the life that was meant', async () => {
    expect(injector.inflictSoon('/a', orderOf('kill'), 'the test')).to.deep.equal({ outcome: 'inflicted', life: 1 });
    injector.inflictSoon('/b', orderOf('kill'), 'the test');
    world.system.kill('/b', 'operator');
    await world.settle();
    expect([lifeOf(world, '/a'), lifeOf(world, '/b')]).to.deep.equal([1, 2]);
    await world.advance(100);
    expect([lifeOf(world, '/a'), lifeOf(world, '/b')]).to.deep.equal([2, 2]);
  });
});
