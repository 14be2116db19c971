import { expect } from 'chai';
import type { BusRequest } from '../../../src/actors/bus/bus-messages.ts';
import { startNodes, type Nodes } from './nodes-in-one-world.ts';

const ACTORS = { roster: '/a/peers/roster', bus: '/a/bus', registry: '/a/registry', directory: '/a/agents/directory', session: '/a/peers/sessions/b' };
type Name = keyof typeof ACTORS;
const NAMES = Object.keys(ACTORS) as Name[];
/** A restart, a second until the sessions have reported, and two turns of whatever is repeated every two seconds. */
const CONVERGED_MS = 6_000;
/** Both at once, and the second while the first still learns again what it knew. */
const APART_MS = [0, 500];

describe('two actors of a node that are killed together', () => {
  let nodes: Nodes;
  beforeEach(async () => void (nodes = await startNodes('a', 'b')));
  afterEach(() => nodes.world.stop());

  const publish = (self: string): void => void nodes.ref<BusRequest>(`/${self}/bus`).send({ kind: 'publish', subject: 'weather', payload: Buffer.from(self) });

  for (const first of NAMES) {
    for (const second of NAMES.filter((name) => name !== first)) {
      for (const apartMs of APART_MS) {
        it(`${first} and ${second}, ${apartMs} ms later: within seconds the node is whole again`, async () => {
          const heard = [await nodes.subscribe('a', 'weather'), await nodes.subscribe('b', 'weather')];
          await nodes.connectAgent('b', 'agent-1');
          nodes.kill(ACTORS[first]);
          await nodes.world.advance(apartMs);
          nodes.kill(ACTORS[second]);
          // Subscribers of the bus subscribe again themselves when it ends; these here do not.
          const subscribers = [first, second].includes('bus') ? heard.slice(1) : heard;
          await nodes.world.advance(CONVERGED_MS);

          expect((await nodes.sessions('a')).map(({ node, state }) => `${node} ${state}`)).to.deep.equal(['b open']);
          for (const self of ['a', 'b']) await nodes.put(self, self, 'here');
          for (const self of ['a', 'b']) publish(self);
          await nodes.world.advance(100);
          for (const self of ['a', 'b']) expect(await nodes.entries(self), `registry of ${self}`).to.deep.equal(['a=here', 'b=here']);
          for (const delivered of subscribers) expect(delivered.map(({ from }) => from), 'bus').to.have.members(['a', 'b']);
          for (const self of ['a', 'b']) {
            const agents = await nodes.agents(self);
            expect(agents.map(({ id, node, isConnected }) => `${id} ${node} ${isConnected}`), `directory of ${self}`).to.deep.equal(['agent-1 b true']);
          }
          expect(await nodes.command('a', 'agent-1')).to.include({ output: 'agent-1: ping' });
        });
      }
    }
  }
});
