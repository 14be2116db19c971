import { expect } from 'chai';
import { telemetrySubject, type AgentsRequest } from '../../../src/actors/agents/agent-messages.ts';
import type { BusRequest } from '../../../src/actors/bus/bus-messages.ts';
import { MeshError } from '../../../src/errors.ts';
import { directoryActor } from '../../../src/actors/agents/directory-actor.ts';
import { seededRandom } from '../../../src/random.ts';
import type { ActorRef } from '../../../src/supervision/behavior.ts';
import { decodeTelemetryBatch, encodeTelemetryBatch } from '../../../src/transport/telemetry-codec.ts';
import { recorder, startWorld } from '../../support/actor-world.ts';
import { startNodes, type Nodes } from '../peers/nodes-in-one-world.ts';

async function where(nodes: Nodes, self: string): Promise<string[]> {
  return (await nodes.agents(self)).map(({ id, node, isConnected }) => `${id} ${isConnected ? 'on' : 'off'} ${node}`);
}

function whereIs(nodes: Nodes, self: string, agent: string): Promise<string | MeshError> {
  const directory = nodes.world.ref<AgentsRequest>(`/${self}/agents/directory`);
  return nodes.world.outcome(directory.ask<string | MeshError>((reply) => ({ kind: 'where-is', agent, reply }), 1_000));
}

function count(nodes: Nodes, self: string): Promise<number> {
  const directory = nodes.world.ref<AgentsRequest>(`/${self}/agents/directory`);
  return nodes.world.outcome(directory.ask<number>((reply) => ({ kind: 'count', reply }), 1_000));
}

describe('the agents of running nodes', () => {
  let nodes: Nodes;
  beforeEach(async () => void (nodes = await startNodes('a', 'b')));
  afterEach(() => nodes.world.stop());

  it('are welcomed, listed on every node, and commanded from any', async () => {
    const agent = await nodes.connectAgent('b', 'a1');
    expect(agent.heard[0]?.welcome).to.deep.equal({ node: 'b', credit: 256, alternatives: ['127.0.0.1:8000'] });
    await nodes.world.advance(200);
    expect(await where(nodes, 'a')).to.deep.equal(['a1 on b']);
    expect(await where(nodes, 'b')).to.deep.equal(['a1 on b']);
    expect([await count(nodes, 'a'), await count(nodes, 'b')]).to.deep.equal([0, 1]);
    expect(await whereIs(nodes, 'a', 'a1')).to.equal('b');
    for (const self of ['a', 'b']) expect(await nodes.command(self, 'a1')).to.deep.equal({ node: 'b', ok: true, output: 'a1: ping' });
  });

  it('stream telemetry to subscribers wherever they are', async () => {
    const heard = await nodes.subscribe('a', telemetrySubject('a1'));
    const agent = await nodes.connectAgent('b', 'a1');
    await nodes.world.advance(100);
    agent.stream.send({ telemetry: { firstSequence: 7, records: [Buffer.from('one'), Buffer.from('two')] } });
    await nodes.world.settle();
    expect(heard.map(({ from, payload }) => [from, decodeTelemetryBatch(payload)])).to.deep.equal([['b', { firstSequence: 7, records: [Buffer.from('one'), Buffer.from('two')] }]]);
    await nodes.world.advance(5_000);
    const [view] = await nodes.agents('a');
    expect(view).to.include({ records: 2 });
    expect(view?.lastSeenMs).to.be.within(4_000, 6_000);
  });

  it('lose their stream when their actor is killed, and are served by its next life when they come back', async () => {
    const agent = await nodes.connectAgent('b', 'a1');
    nodes.kill('/b/agents/sessions/a1');
    await nodes.world.advance(100);
    expect(agent.stream.isOpen).to.equal(false);
    expect(await where(nodes, 'b')).to.deep.equal(['a1 off b']);
    await nodes.world.advance(400);
    const again = await nodes.connectAgent('b', 'a1');
    expect(again.heard[0]?.welcome?.node).to.equal('b');
    expect(nodes.world.system.find('/b/agents/sessions/a1')?.life).to.equal(2);
    await nodes.world.advance(200);
    expect(await where(nodes, 'a')).to.deep.equal(['a1 on b']);
  });

  it('that come back while their actor is still waiting out its backoff are let in when it stands', async () => {
    await nodes.connectAgent('b', 'a1');
    nodes.kill('/b/agents/sessions/a1');
    const again = await nodes.connectAgent('b', 'a1');
    expect(again.heard).to.deep.equal([]);
    await nodes.world.advance(500);
    expect(again.heard[0]?.welcome?.node).to.equal('b');
  });

  it('are sent away by the node they left when they turn up at another', async () => {
    const before = await nodes.connectAgent('b', 'a1');
    await nodes.world.advance(200);
    await nodes.connectAgent('a', 'a1');
    await nodes.world.advance(200);
    expect(before.heard.at(-1)?.drain?.reason).to.equal('the agent has connected to a');
    expect(before.stream.isOpen).to.equal(false);
    for (const self of ['a', 'b']) expect(await where(nodes, self)).to.deep.equal(['a1 on a']);
  });

  it('stay connected when the directory is killed, and are all known again within a second or so', async () => {
    const agent = await nodes.connectAgent('b', 'a1');
    await nodes.connectAgent('a', 'a2');
    await nodes.world.advance(200);
    nodes.kill('/b/agents/directory');
    await nodes.world.advance(1_500);
    expect(agent.stream.isOpen).to.equal(true);
    expect(await where(nodes, 'b')).to.deep.equal(['a1 on b', 'a2 on a']);
    expect(await nodes.command('a', 'a1')).to.include({ output: 'a1: ping' });
    expect(await nodes.command('b', 'a2')).to.include({ output: 'a2: ping' });
  });

  it('are found again after the bus was killed', async () => {
    await nodes.connectAgent('b', 'a1');
    nodes.kill('/a/bus');
    await nodes.world.advance(3_500);
    expect(await where(nodes, 'a')).to.deep.equal(['a1 on b']);
    expect(await nodes.command('a', 'a1')).to.include({ output: 'a1: ping' });
  });

  it('are offline when their node died, and the answer says where they were', async () => {
    await nodes.connectAgent('b', 'a1');
    await nodes.world.advance(200);
    await nodes.become('b', 'dead');
    expect(await where(nodes, 'a')).to.deep.equal(['a1 off b']);
    const answer = await nodes.command('a', 'a1');
    expect(answer).to.be.instanceOf(MeshError).and.to.have.property('code', 'AGENT_OFFLINE');
    expect(await whereIs(nodes, 'a', 'a1')).to.be.instanceOf(MeshError).and.to.have.property('code', 'AGENT_OFFLINE');
  });

  it('that do not answer are late, and what they say later is ignored', async () => {
    const agent = await nodes.connectAgent('b', 'a1');
    await nodes.world.advance(200);
    agent.stream.onFrame(() => undefined);
    const asked = nodes.world.clock.now();
    const answer = await nodes.command('a', 'a1', 3_000);
    expect(answer).to.be.instanceOf(MeshError).and.to.have.property('code', 'AGENT_LATE');
    expect(nodes.world.clock.now() - asked).to.be.within(3_000, 3_100);
  });

  it('have their actor for a minute after they left, and then not', async () => {
    const agent = await nodes.connectAgent('b', 'a1');
    agent.stream.close();
    await nodes.world.advance(58_000);
    expect(nodes.world.system.find('/b/agents/sessions/a1')?.life).to.equal(1);
    await nodes.world.advance(4_000);
    expect(nodes.world.system.find('/b/agents/sessions/a1')).to.equal(undefined);
    expect(await where(nodes, 'b')).to.deep.equal(['a1 off b']);
    await nodes.connectAgent('b', 'a1');
    expect(await where(nodes, 'b')).to.deep.equal(['a1 on b']);
  });

  it('are told to go elsewhere when their node stops', async () => {
    const agent = await nodes.connectAgent('b', 'a1');
    await nodes.world.outcome(nodes.world.supervisor().ask<'ok' | 'not_found'>((reply) => ({ kind: 'terminate-child', id: 'b', reply }), 30_000));
    expect(agent.heard.at(-1)?.drain).to.not.equal(undefined);
    expect(agent.stream.isOpen).to.equal(false);
  });

  it('that flood their session with frames nobody asked for are sent away', async () => {
    const agent = await nodes.connectAgent('b', 'a1');
    for (let at = 0; at < 10_100; at++) agent.stream.send({ result: { id: 'x', ok: true, output: '' } });
    await nodes.world.settle();
    expect(agent.stream.fault?.code).to.equal('OVERLOADED');
  });
});

describe('the directory', () => {
  it('asks for its subject until the bus has room', async () => {
    let room = 3;
    const heard: BusRequest[] = [];
    const bus: ActorRef<BusRequest> = {
      path: '/bus',
      send: (message) => (room-- > 0 ? 'full' : (heard.push(message), 'accepted')),
      offer: () => Promise.reject(new Error('nobody waits for the bus')),
      ask: () => Promise.reject(new Error('nobody asks the bus')),
    };
    const nowhere: ActorRef<unknown> = { path: '/nowhere', send: () => 'noproc', offer: () => Promise.resolve('noproc'), ask: () => Promise.reject(new Error('nobody there')) };
    const directory = () =>
      directoryActor({ self: 'a', random: seededRandom(1), membership: nowhere, bus, sessions: nowhere, encodeBatch: encodeTelemetryBatch, bundle: () => undefined });
    const world = await startWorld({ children: [recorder('bus').spec, { type: 'worker', id: 'directory', start: directory }] });
    await world.advance(5_000);
    expect(heard.map(({ kind }) => kind)).to.include('subscribe');
    await world.stop();
  });
});
