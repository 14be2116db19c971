import { expect } from 'chai';
import type { Behavior } from '../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import type { SupervisionEvent } from '../../src/supervision/trail/event-log.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';

type Message = { readonly kind: 'good' } | { readonly kind: 'bad' } | { readonly kind: 'hang' } | { readonly kind: 'leave' };

const behavior: Behavior<number, Message> = {
  init: () => 0,
  receive: (handled, { kind }, context) => {
    if (kind === 'leave') context.exit();
    if (kind === 'bad') throw new Error('boom', { cause: new Error('the disk is full') });
    return kind === 'hang' ? new Promise<number>(() => undefined) : handled + 1;
  },
  view: (handled) => ({ handled }),
};

const child = (flags: Partial<ChildSpec> = {}): ChildSpec => ({ type: 'worker', id: 'a', start: () => behavior, ...flags }) as ChildSpec;

function lastEnd(world: ActorWorld): SupervisionEvent | undefined {
  return world.system.events.latest('/a', 9).findLast(({ supervisor }) => supervisor !== undefined);
}

describe('the report of a life that ended', () => {
  let world: ActorWorld;

  beforeEach(async () => void (world = await startWorld({ strategy: 'one_for_all', children: [child()] })));
  afterEach(() => world.stop());

  const send = (...kinds: Message['kind'][]): void => kinds.forEach((kind) => void world.ref<Message>('/a').send({ kind }));

  it('in a crash says what it was at, what waited, what it had handled, for how long it had lived, and by which rules it is judged', async () => {
    await world.advance(1_500);
    send('good', 'good', 'bad', 'good', 'good', 'good');
    await world.settle();
    expect(lastEnd(world)).to.deep.include({
      type: 'crash',
      life: 1,
      during: 'receive bad',
      state: '{"handled":2}',
      mailbox: 3,
      processed: 2,
      uptimeMs: 1_500,
      context: 'child_terminated',
      strategy: 'one_for_all',
      restart: 'permanent',
      decision: 'restart',
    });
    expect(lastEnd(world)?.error?.cause?.message).to.equal('the disk is full');
  });

  it('counts for each life anew', async () => {
    send('good', 'good', 'bad');
    await world.advance(10_000);
    send('good', 'bad');
    await world.settle();
    expect(lastEnd(world)).to.deep.include({ life: 2, processed: 1, uptimeMs: 10_000 });
  });

  it('in order says nothing of how the life before it ended', async () => {
    send('bad');
    await world.settle();
    send('leave');
    await world.settle();
    expect(lastEnd(world)).to.include({ type: 'exit', life: 2, reason: 'normal' }).and.to.not.have.any.keys('during', 'state', 'mailbox', 'processed', 'uptimeMs');
  });

  it('that was killed while it waited for mail says that it was idle', async () => {
    send('good');
    await world.settle();
    world.system.kill('/a', 'operator');
    await world.settle();
    expect(lastEnd(world)).to.deep.include({ type: 'crash', reason: 'killed by operator', during: 'idle', state: '{"handled":1}', mailbox: 0, processed: 1 });
  });

  it('that was killed while a handler hung names the message that it hung at', async () => {
    send('good', 'hang', 'good');
    await world.settle();
    world.system.kill('/a', 'operator');
    await world.settle();
    expect(lastEnd(world)).to.deep.include({ during: 'receive hang', mailbox: 1 });
  });

  it('that hung past its shutdown says what it hung at', async () => {
    send('hang');
    await world.settle();
    await world.stop();
    expect(lastEnd(world)).to.deep.include({ type: 'shutdown_error', reason: 'killed by shutdown timeout', during: 'receive hang' });
  });

  it('shows in the tree that it was killed, and by whom', async () => {
    expect(world.system.tree('/a')?.lastError).to.equal(undefined);
    world.system.kill('/a', 'operator');
    await world.settle();
    expect(world.system.tree('/a')?.lastError?.message).to.equal('killed by operator');
  });

  it('keeps the last error in sight when a later life is only killed', async () => {
    send('bad');
    await world.settle();
    world.system.kill('/a', 'operator');
    await world.settle();
    expect(world.system.tree('/a')?.lastError?.message).to.equal('boom');
    expect(lastEnd(world)?.error).to.equal(undefined);
  });
});
