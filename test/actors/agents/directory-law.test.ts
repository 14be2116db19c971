import { expect } from 'chai';
import * as fc from 'fast-check';
import { Directory, type DirectoryEffect, type DirectoryInput } from '../../../src/actors/agents/directory.ts';
import type { MemberView } from '../../../src/actors/membership/membership-messages.ts';
import { seededRandom } from '../../../src/random.ts';

const member = (name: string, isSelf: boolean): MemberView => {
  return { name, host: '127.0.0.1', port: 7946, tags: { grpc: `${name}:7947` }, status: 'alive', incarnation: 1, isSelf, statusSinceMs: 0 };
};

/** Three directories on a bus that loses messages, with agents that come and go as they please. */
class Mesh {
  now = 0;
  losing = 0;
  arrivals = 0;
  readonly nodes = ['n1', 'n2', 'n3'];
  readonly brains = new Map(this.nodes.map((self) => [self, new Directory({ self, random: seededRandom(1), startedAtMs: -10_000 })]));
  /** What the sessions of each node really have: agent to the connection's date. */
  readonly sessions = new Map(this.nodes.map((self) => [self, new Map<string, number>()]));

  constructor() {
    for (const self of this.nodes) this.say(self, { kind: 'members', members: this.nodes.map((name) => member(name, name === self)) });
  }

  say(self: string, input: DirectoryInput): void {
    // Clocks differ by seconds from node to node.
    const wallNow = this.now + 1_000_000 + 5_000 * this.nodes.indexOf(self);
    for (const effect of this.brains.get(self)!.handle(input, { now: this.now, wallNow })) this.perform(self, effect);
  }

  perform(self: string, effect: DirectoryEffect): void {
    const sessions = this.sessions.get(self)!;
    if (effect.kind === 'ensure-session') this.say(self, { kind: 'session-started', agent: effect.agent });
    if (effect.kind === 'hand-over') {
      sessions.set(effect.agent, effect.connection.connectedAtMs);
      this.say(self, { kind: 'attached', arrival: effect.arrival });
      this.report(self, effect.agent, effect.connection.connectedAtMs, true);
    }
    if (effect.kind === 'drain-session' && sessions.get(effect.agent) === effect.connectedAtMs) this.leave(self, effect.agent);
    if (effect.kind === 'schedule-announce') this.say(self, { kind: 'announce' });
    if (effect.kind === 'publish') {
      for (const other of this.nodes) {
        if (other === self || this.losing-- > 0) continue;
        this.say(other, { kind: 'bus-message', from: self, payload: effect.payload });
      }
    }
  }

  report(self: string, agent: string, connectedAtMs: number, isConnected: boolean): void {
    const status = { isConnected, connection: { connectedAtMs, program: '' }, ratePerS: 0, records: 0, lastSeenAtMs: this.now };
    this.say(self, { kind: 'session-report', agent, status });
  }

  connect(self: string, agent: string): void {
    this.say(self, { kind: 'incoming', arrival: ++this.arrivals, proved: agent });
    this.say(self, { kind: 'arrival-frame', arrival: this.arrivals, frame: { hello: { id: agent, program: 'test', labels: {} }, body: 'hello' } });
  }

  leave(self: string, agent: string): void {
    const connectedAtMs = this.sessions.get(self)!.get(agent);
    if (connectedAtMs === undefined) return;
    this.sessions.get(self)!.delete(agent);
    this.report(self, agent, connectedAtMs, false);
  }

  pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.now += 1_000;
      for (const [self, sessions] of this.sessions) {
        for (const [agent, connectedAtMs] of sessions) this.report(self, agent, connectedAtMs, true);
        this.say(self, { kind: 'pulse' });
      }
    }
  }
}

describe('directories together', () => {
  it('agree on where every agent is, and no agent is in two places, once messages stop getting lost', () => {
    const node = fc.constantFrom('n1', 'n2', 'n3');
    const agent = fc.constantFrom('a1', 'a2', 'a3');
    const step = fc.oneof(
      fc.record({ what: fc.constant('connect' as const), node, agent }),
      fc.record({ what: fc.constant('leave' as const), node, agent }),
      fc.record({ what: fc.constant('lose' as const), count: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ what: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const mesh = new Mesh();
        for (const next of steps) {
          if (next.what === 'connect') mesh.connect(next.node, next.agent);
          if (next.what === 'leave') mesh.leave(next.node, next.agent);
          if (next.what === 'lose') mesh.losing = next.count;
          if (next.what === 'pass') mesh.pass(next.seconds);
        }
        mesh.losing = 0;
        mesh.pass(3);
        const real = mesh.nodes.flatMap((self) => [...mesh.sessions.get(self)!.keys()].map((id) => `${id} on ${self}`)).toSorted();
        expect(new Set(real.map((place) => place.split(' ')[0])).size, 'one place for each agent').to.equal(real.length);
        for (const brain of mesh.brains.values()) {
          const listed = brain.list(mesh.now).filter((view) => view.isConnected);
          expect(listed.map((view) => `${view.id} on ${view.node}`)).to.deep.equal(real);
        }
      }),
      { numRuns: 300 },
    );
  });
});
