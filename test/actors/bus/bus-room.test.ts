import { expect } from 'chai';
import type { BusDelivery, BusRequest } from '../../../src/actors/bus/bus-messages.ts';
import { startNodes, type Nodes } from '../peers/nodes-in-one-world.ts';

describe('the buses of running nodes', () => {
  let nodes: Nodes;
  beforeEach(async () => void (nodes = await startNodes('a', 'b', 'c')));
  afterEach(() => nodes.world.stop());

  const publish = async (self: string, subject: string): Promise<void> => {
    nodes.ref<BusRequest>(`/${self}/bus`).send({ kind: 'publish', subject, payload: Buffer.from(`from ${self}`) });
    await nodes.world.settle();
  };
  const said = (delivered: readonly BusDelivery[]): string[] => delivered.map(({ from, payload }) => `${from}: ${Buffer.from(payload).toString()}`);

  it('deliver to the subscribers of all nodes, each once', async () => {
    const heard = [await nodes.subscribe('a', 'weather'), await nodes.subscribe('b', 'weather'), await nodes.subscribe('c', 'traffic')];
    await nodes.world.advance(100);
    await publish('a', 'weather');
    expect(heard.map(said)).to.deep.equal([['a: from a'], ['a: from a'], []]);
  });

  it('deliver again after one of them was killed: the others tell it anew what they want', async () => {
    const heard = await nodes.subscribe('b', 'weather');
    nodes.kill('/a/bus');
    await nodes.world.advance(2_500);
    await publish('a', 'weather');
    expect(said(heard)).to.deep.equal(['a: from a']);
  });

  it('deliver again after a session was killed', async () => {
    const heard = await nodes.subscribe('b', 'weather');
    await nodes.world.advance(100);
    nodes.kill('/a/peers/sessions/b');
    await nodes.world.advance(2_500);
    await publish('a', 'weather');
    expect(said(heard)).to.deep.equal(['a: from a']);
  });

  it('forget a subscriber that has ended, here and at the peers', async () => {
    const heard = await nodes.subscribe('b', 'weather');
    await nodes.world.advance(100);
    nodes.kill('/subscriber-b-weather');
    await nodes.world.advance(100);
    await publish('a', 'weather');
    expect(said(heard), 'its next life has subscribed again').to.deep.equal(['a: from a']);
    await nodes.world.outcome(nodes.world.supervisor().ask<'ok' | 'not_found'>((reply) => ({ kind: 'terminate-child', id: 'subscriber-b-weather', reply }), 1_000));
    await nodes.world.advance(100);
    const { processed } = nodes.world.system.find('/b/bus')!;
    await publish('a', 'weather');
    expect(nodes.world.system.find('/b/bus')!.processed, 'nothing is sent any more').to.equal(processed);
  });
});
