import { expect } from 'chai';
import { pause, until } from '../support/real-time.ts';
import type { ThreadOrder } from './thread-puppet.ts';
import { MODULE, ThreadWorld } from './thread-world.ts';
import type { ThreadFlags } from './thread-world.ts';

/** A fault that would end or stop the whole process anywhere else, and what is said of it. */
interface Fault {
  readonly orders: readonly ThreadOrder['kind'][];
  readonly flags?: ThreadFlags;
  readonly error: { readonly name: string; readonly code?: string; readonly message: RegExp };
}

const FAULTS: Record<string, Fault> = {
  'an endless loop in a handler': { orders: ['loop'], flags: { hangTimeoutMs: 300 }, error: { name: 'ThreadError', code: 'hung', message: /no sign of life for 300 ms/ } },
  'an endless loop in a timer': { orders: ['loop-later'], flags: { hangTimeoutMs: 300 }, error: { name: 'ThreadError', code: 'hung', message: /no sign of life/ } },
  'a heap that fills': { orders: ['fill-heap'], error: { name: 'ThreadError', code: 'out_of_memory', message: /32 MiB/ } },
  'a table that fills the heap': { orders: ['fill-table'], error: { name: 'ThreadError', code: 'out_of_memory', message: /32 MiB/ } },
  'buffers that fill memory': { orders: ['fill-buffers'], flags: { memoryMbMax: 64, hangTimeoutMs: 500 }, error: { name: 'ThreadError', code: 'out_of_memory', message: /buffers hold \d+ MiB/ } },
  'process.exit': { orders: ['exit-process'], error: { name: 'ThreadError', code: 'process_exit', message: /process\.exit\(3\)/ } },
  'an uncaught error': { orders: ['throw-later'], error: { name: 'RangeError', message: /^late boom$/ } },
  'an unhandled rejection': { orders: ['reject-later'], error: { name: 'RangeError', message: /^late rejection$/ } },
};

describe('a thread contains', () => {
  let world: ThreadWorld;
  beforeEach(() => (world = new ThreadWorld()));
  afterEach(() => world.stop());

  for (const [name, { orders, flags, error }] of Object.entries(FAULTS)) {
    it(`${name}: it ends that life only, says so, and the next life works`, async () => {
      await world.start(flags);
      let turns = 0;
      const pulse = setInterval(() => turns++, 10);
      for (const kind of orders) world.ref.send({ kind } as ThreadOrder);
      await world.reborn(2);
      clearInterval(pulse);
      expect(turns).to.be.greaterThan(0);
      expect(world.lastEnd?.error?.name).to.equal(error.name);
      expect(world.lastEnd?.error?.code).to.equal(error.code);
      expect(world.lastEnd?.error?.message).to.match(error.message);
      expect(await world.read()).to.equal(0);
      expect(world.system.livingLife('/witness')).to.equal(1);
    });
  }

  it('what hangs, and the report names its message and the state before it', async () => {
    await world.start({ hangTimeoutMs: 300 });
    world.ref.send({ kind: 'add', by: 4 });
    await until(() => world.system.state('/a')?.shown === '{"sum":4}', 'the state');
    world.ref.send({ kind: 'loop' });
    await world.reborn(2);
    expect(world.lastEnd).to.include({ during: 'receive loop', state: '{"sum":4}' });
  });

  it('what hangs in the first message that it ever hears', async () => {
    await world.start({ hangTimeoutMs: 2_000 });
    world.ref.send({ kind: 'loop' });
    await world.reborn(2);
    expect(world.lastEnd?.error?.code).to.equal('hung');
  });

  it('no handler that awaits for longer than the hang timeout: it is not taken for one that hangs', async () => {
    await world.start({ hangTimeoutMs: 100 });
    expect(await world.ref.ask<number>((reply) => ({ kind: 'await', forMs: 600, reply }), 5_000)).to.equal(0);
    expect(world.life()).to.equal(1);
  });

  it('no row of messages that each take less than the hang timeout, also when together they take more', async () => {
    await world.start({ hangTimeoutMs: 500 });
    for (let n = 0; n < 6; n++) world.ref.send({ kind: 'spin', forMs: 150 });
    expect(await world.read()).to.equal(0);
    expect(world.life()).to.equal(1);
  });

  it('no stall of the main thread: that is not the fault of the thread', async () => {
    await world.start({ hangTimeoutMs: 100 });
    await world.read();
    for (const until = performance.now() + 400; performance.now() < until; );
    await pause(50);
    expect(await world.read()).to.equal(0);
    expect(world.life()).to.equal(1);
  });

  it('a loop that brutal_kill really kills, at once', async () => {
    await world.start({ shutdown: 'brutal_kill' });
    world.ref.send({ kind: 'loop' });
    await until(() => world.system.tree('/a')?.mailbox === 0, 'it loops');
    const before = performance.now();
    await world.stop();
    expect(performance.now() - before).to.be.below(1_000);
  });

  it('a loop that is told to stop, which is killed when its time is over', async () => {
    await world.start({ shutdown: 100 });
    world.ref.send({ kind: 'loop' });
    await until(() => world.system.tree('/a')?.mailbox === 0, 'it loops');
    await world.stop();
    expect(world.lastEnd?.type).to.equal('shutdown_error');
  });

  it('a handler that never settles, whose thread is gone when its life was killed', async () => {
    await world.start();
    world.ref.send({ kind: 'await-forever' });
    await until(() => world.system.tree('/a')?.mailbox === 0, 'it waits');
    world.system.kill('/a', 'test');
    await world.reborn(2);
    await until(() => world.system.find('/a')?.zombies === 0, 'nothing is left of it');
  });
});

describe('the spec of a threaded child', () => {
  async function faultOf(flags: object): Promise<string> {
    const world = new ThreadWorld();
    return world.start(flags).then(
      () => world.stop().then(() => 'none'),
      (error: Error) => error.message,
    );
  }

  const refused: Record<string, readonly [flags: object, message: RegExp]> = {
    'a start beside it': [{ start: () => undefined }, /start beside isolation: 'thread' must be left out, for a function cannot cross/],
    'a module without isolation': [{ isolation: undefined }, /module without isolation must be in a thread; write isolation: 'thread'/],
    'another isolation': [{ isolation: 'process' }, /isolation "process" must be thread, or left out/],
    'a relative path for a module': [{ module: './thread-puppet.ts' }, /module ".\/thread-puppet.ts" must be a file: URL; write module: new URL\(/],
    'a module from the net': [{ module: 'https://example.org/x.js' }, /must be a file: URL/],
    'no export': [{ export: undefined }, /export undefined must be the name of a function/],
    'an argument that cannot cross': [{ argument: { db: { close: () => 1 } } }, /argument .*argument\.db\.close is a function/],
    'a hang timeout of nothing': [{ hangTimeoutMs: 0 }, /hangTimeoutMs 0 must be from 10/],
    'memory that no thread can live in': [{ memoryMbMax: 4 }, /memoryMbMax 4 must be >= 16/],
  };
  for (const [name, [flags, message]] of Object.entries(refused)) {
    it(`with ${name} is refused before anything runs`, async () => {
      expect(await faultOf(flags)).to.match(message);
    });
  }

  it('with an export that is not there fails the start, and names those that are', async () => {
    expect(await faultOf({ export: 'pupet' })).to.match(/exports notAFunction, puppet, and no function pupet/);
    expect(await faultOf({ export: 'notAFunction' })).to.match(/no function notAFunction/);
  });

  it('with a module that is not there fails the start, and names it', async () => {
    expect(await faultOf({ module: new URL('./nothing-here.ts', MODULE) })).to.match(/nothing-here/);
  });
});
