import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { AgentSession } from '../../src/agent/agent-session.ts';
import type { AgentEffect, AgentInput } from '../../src/agent/agent-session.ts';
import { formatAddress } from '../../src/address.ts';
import { VirtualClock } from '../../src/clock.ts';
import { seededRandom } from '../../src/random.ts';
import type { AgentFrame } from '../../src/transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { NodeFrame__Output } from '../../src/transport/generated/omega/mesh/v1/NodeFrame.ts';

const A = { host: 'a', port: 1 };
const B = { host: 'b', port: 2 };

/** A session with a body that plays both the stream and the time. */
class Played {
  readonly clock = new VirtualClock();
  readonly session: AgentSession;
  readonly effects: AgentEffect[] = [];
  /** What the stream says to telemetry. */
  outcome: 'accepted' | 'full' | 'closed' = 'accepted';
  generation = 0;

  constructor(nodes: readonly [typeof A, ...(typeof A)[]] = [A, B]) {
    this.session = new AgentSession({ hello: { id: 'a1' }, nodes, random: seededRandom(1) });
    this.give({ kind: 'started' });
  }

  give(input: AgentInput): void {
    for (const effect of this.session.handle(input, this.clock.now())) {
      this.effects.push(effect);
      if (effect.kind === 'dial') this.generation = effect.generation;
      if (effect.kind === 'set-timer') {
        const { timer, generation } = effect;
        this.clock.setTimer(effect.delayMs, () => this.give({ kind: 'timer', timer, generation }));
      }
      if (effect.kind === 'send') this.give({ ...effect, kind: 'sent', outcome: effect.frame.telemetry ? this.outcome : 'accepted' });
    }
  }

  record(count = 1): void {
    for (let i = 0; i < count; i++) this.give({ kind: 'record', record: new Uint8Array([i]) });
  }

  frame(frame: NodeFrame__Output, generation = this.generation): void {
    this.give({ kind: 'frame', generation, frame });
  }

  welcome(credit = 1_000, alternatives: string[] = []): void {
    this.frame({ welcome: { node: 'n', credit, alternatives } });
  }

  closed(code?: ErrorCode): void {
    this.give({ kind: 'closed', generation: this.generation, fault: code === undefined ? undefined : new MeshError(code, 'why') });
  }

  get dials(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.kind === 'dial' ? [formatAddress(effect.address)] : []));
  }

  get sent(): readonly AgentFrame[] {
    return this.effects.flatMap((effect) => (effect.kind === 'send' ? [effect.frame] : []));
  }

  /** The batches sent, each as its first number and its count. */
  get batches(): readonly (readonly [number, number])[] {
    return this.sent.flatMap(({ telemetry }) => (telemetry ? [[Number(telemetry.firstSequence), telemetry.records!.length] as const] : []));
  }

  count(kind: AgentEffect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length;
  }

  get ended(): Extract<AgentEffect, { kind: 'ended' }> | undefined {
    return this.effects.find((effect) => effect.kind === 'ended');
  }

  get waits(): readonly number[] {
    return this.effects.flatMap((effect) => (effect.kind === 'set-timer' && effect.timer === 'redial' ? [effect.delayMs] : []));
  }
}

describe('an agent’s session', () => {
  it('says hello first, and nothing else before it is welcome', () => {
    const agent = new Played();
    agent.record(3);
    expect(agent.sent).to.deep.equal([{ hello: { id: 'a1' } }]);
    agent.welcome();
    expect(agent.batches).to.deep.equal([[1, 3]]);
  });

  it('sends a record at once when it has credit', () => {
    const agent = new Played();
    agent.welcome();
    agent.record(2);
    expect(agent.batches).to.deep.equal([[1, 1], [2, 1]]);
  });

  it('sends no more records than it has credit for, and goes on when it is granted more', () => {
    const agent = new Played();
    agent.welcome(2);
    agent.record(5);
    expect(agent.batches).to.deep.equal([[1, 1], [2, 1]]);
    agent.frame({ credit: { records: 1 } });
    agent.frame({ credit: { records: 10 } });
    expect(agent.batches.slice(2)).to.deep.equal([[3, 1], [4, 2]]);
    agent.record(9);
    expect(agent.batches.at(-1), '13 credits, 13 records').to.deep.equal([13, 1]);
  });

  it('sends what has gathered in batches of 64', () => {
    const agent = new Played();
    agent.record(150);
    agent.welcome();
    expect(agent.batches).to.deep.equal([[1, 64], [65, 64], [129, 22]]);
  });

  it('keeps a batch that the stream did not take, and offers it again', () => {
    const agent = new Played();
    agent.welcome();
    agent.outcome = 'full';
    agent.record(1);
    agent.outcome = 'accepted';
    agent.clock.advance(100);
    expect(agent.batches).to.deep.equal([[1, 1], [1, 1]]);
    agent.record(1);
    expect(agent.batches.at(-1)).to.deep.equal([2, 1]);
  });

  it('runs the commands it is given, and sends their answers without credit', () => {
    const agent = new Played();
    agent.welcome(0);
    const command = { id: 'c1', name: 'ping', arguments: ['x'], timeoutMs: 5_000 };
    agent.frame({ command });
    expect(agent.effects.at(-1)).to.deep.equal({ kind: 'run', generation: 1, command });
    agent.give({ kind: 'answered', generation: 1, command: 'c1', ok: true, output: 'pong' });
    expect(agent.sent.at(-1)).to.deep.equal({ result: { id: 'c1', ok: true, output: 'pong' } });
  });

  it('does not answer on a new stream what was asked on an old one', () => {
    const agent = new Played();
    agent.welcome();
    agent.closed();
    agent.clock.advance(1_000);
    agent.welcome();
    const before = agent.sent.length;
    agent.give({ kind: 'answered', generation: 1, command: 'c1', ok: true, output: 'pong' });
    expect(agent.sent).to.have.length(before);
  });
});

describe('an agent that loses its node', () => {
  it('waits a moment, turns to the next one, and goes on numbering', () => {
    const agent = new Played();
    agent.welcome();
    agent.record(2);
    agent.closed('NODE_UNREACHABLE');
    agent.record(2);
    expect(agent.dials).to.deep.equal(['a:1']);
    agent.clock.advance(300);
    expect(agent.dials).to.deep.equal(['a:1', 'b:2']);
    agent.welcome();
    agent.record(1);
    expect(agent.batches.slice(2)).to.deep.equal([[3, 2], [5, 1]]);
  });

  it('tries a node that ended only its session once more before it turns to the next', () => {
    const agent = new Played();
    agent.welcome();
    agent.closed('SESSION_CLOSED');
    agent.clock.advance(300);
    expect(agent.dials).to.deep.equal(['a:1', 'a:1']);
    agent.closed('SESSION_CLOSED');
    agent.clock.advance(1_000);
    expect(agent.dials).to.deep.equal(['a:1', 'a:1', 'b:2']);
  });

  it('turns to the nodes it was told of when those it was given are gone', () => {
    const agent = new Played([A]);
    agent.welcome(10, ['localhost:3']);
    agent.closed();
    agent.clock.advance(1_000);
    agent.closed('NODE_UNREACHABLE');
    agent.clock.advance(1_000);
    expect(agent.dials).to.deep.equal(['a:1', 'localhost:3', 'a:1']);
  });

  it('tries every node of its ring soon, and waits a little longer after each round, at most 2 s give or take half', () => {
    const agent = new Played([A, B, { host: 'c', port: 3 }]);
    for (let i = 0; i < 15; i++) {
      agent.closed('NODE_UNREACHABLE');
      agent.clock.advance(agent.waits.at(-1)!);
    }
    for (const [i, wait] of agent.waits.entries()) {
      const expected = [200, 400, 800, 1_600, 2_000][Math.floor(i / 3)]!;
      expect(wait, `wait ${i + 1}`).to.be.within(expected * 0.5, expected * 1.5);
    }
    expect(agent.dials.slice(0, 4)).to.deep.equal(['a:1', 'b:2', 'c:3', 'a:1']);
  });

  it('with one node only waits longer after each failure, at most 10 s give or take half', () => {
    const agent = new Played([A]);
    for (let i = 0; i < 12; i++) {
      agent.closed('NODE_UNREACHABLE');
      agent.clock.advance(agent.waits.at(-1)!);
    }
    for (const [i, wait] of agent.waits.entries()) {
      const expected = Math.min(10_000, 200 * 2 ** i);
      expect(wait, `wait ${i + 1}`).to.be.within(expected * 0.5, expected * 1.5);
    }
    expect(agent.waits).to.have.length(12);
  });

  it('a session of ten good seconds makes the next wait a short one, a shorter session does not', () => {
    const agent = new Played([A]);
    for (let i = 0; i < 8; i++) {
      agent.closed('NODE_UNREACHABLE');
      agent.clock.advance(agent.waits.at(-1)!);
    }
    agent.welcome();
    agent.clock.advance(9_999);
    agent.closed();
    expect(agent.waits.at(-1)).to.be.at.least(5_000);
    agent.clock.advance(agent.waits.at(-1)!);
    agent.welcome();
    agent.clock.advance(10_000);
    agent.closed();
    expect(agent.waits.at(-1)).to.be.at.most(300);
  });

  it('leaves a node that drains', () => {
    const agent = new Played();
    agent.welcome();
    agent.frame({ drain: { reason: 'the node stops' } });
    expect(agent.count('close')).to.equal(1);
    agent.closed();
    agent.clock.advance(300);
    expect(agent.dials).to.deep.equal(['a:1', 'b:2']);
  });

  it('leaves a node that does not say welcome in time, or says something else first', () => {
    const agent = new Played();
    agent.clock.advance(10_300);
    expect(agent.dials).to.deep.equal(['a:1', 'b:2']);
    agent.frame({ credit: { records: 5 } });
    agent.clock.advance(1_000);
    expect(agent.dials).to.have.length(3);
    expect(agent.count('close')).to.equal(2);
  });

  it('does not mind what an old stream still says', () => {
    const agent = new Played();
    agent.welcome();
    agent.closed();
    agent.clock.advance(1_000);
    const before = agent.effects.length;
    agent.frame({ welcome: { node: 'n', credit: 5, alternatives: [] } }, 1);
    agent.give({ kind: 'closed', generation: 1, fault: undefined });
    agent.give({ kind: 'timer', timer: 'redial', generation: 1 });
    expect(agent.effects).to.have.length(before);
  });

  it('keeps the newest hour of records, and says how many it dropped', () => {
    const agent = new Played();
    agent.closed('NODE_UNREACHABLE');
    agent.record(3_700);
    agent.clock.advance(1_000);
    agent.closed('NODE_UNREACHABLE');
    const last = agent.effects.findLast((effect) => effect.kind === 'log');
    expect(last).to.have.nested.property('fields.recordsDropped', 100);
    agent.clock.advance(1_000);
    agent.welcome(10_000);
    expect(agent.batches[0]).to.deep.equal([101, 64]);
    expect(agent.batches.reduce((sum, [, count]) => sum + count, 0)).to.equal(3_600);
  });
});

describe('an agent that ends', () => {
  for (const code of ['BAD_ARGUMENT', 'TOO_LARGE'] as const) {
    it(`does so when its hello is refused with ${code}, for no node would take it`, () => {
      const agent = new Played();
      agent.closed(code);
      expect(agent.ended?.fault?.code).to.equal(code);
    });
  }

  for (const code of ['OVERLOADED', 'REFUSED', 'NODE_UNREACHABLE', 'SESSION_CLOSED', 'MALFORMED'] as const) {
    it(`does not for ${code}: another node may take it, or this one later`, () => {
      const agent = new Played();
      agent.closed(code);
      expect(agent.ended).to.equal(undefined);
      agent.clock.advance(300);
      expect(agent.dials).to.have.length(2);
    });
  }

  it('does not for a fault after the welcome', () => {
    const agent = new Played();
    agent.welcome();
    agent.closed('TOO_LARGE');
    expect(agent.ended).to.equal(undefined);
  });

  it('when stopped sends all that waits as credit comes, closes, and ends when that is done', () => {
    const agent = new Played();
    agent.record(150);
    agent.welcome(100);
    agent.outcome = 'full';
    agent.frame({ credit: { records: 30 } });
    agent.give({ kind: 'stop' });
    expect(agent.count('close')).to.equal(0);
    agent.outcome = 'accepted';
    agent.clock.advance(100);
    expect(agent.batches.at(-1)).to.deep.equal([101, 30]);
    expect(agent.count('close'), 'twenty still wait for credit').to.equal(0);
    agent.frame({ credit: { records: 30 } });
    expect(agent.batches.at(-1)).to.deep.equal([131, 20]);
    expect(agent.count('close')).to.equal(1);
    expect(agent.ended).to.equal(undefined);
    agent.closed();
    expect(agent.ended).to.deep.equal({ kind: 'ended', fault: undefined });
    agent.clock.advance(60_000);
    expect(agent.dials).to.have.length(1);
  });

  it('when stopped before it is welcome closes without sending', () => {
    const agent = new Played();
    agent.record(1);
    agent.give({ kind: 'stop' });
    agent.closed('NODE_UNREACHABLE');
    expect(agent.ended).not.to.equal(undefined);
    expect(agent.batches).to.deep.equal([]);
  });

  it('when stopped between two streams does so at once', () => {
    const agent = new Played();
    agent.closed();
    agent.give({ kind: 'stop' });
    expect(agent.ended).not.to.equal(undefined);
  });

  it('when stopped does not wait for ever', () => {
    const agent = new Played();
    agent.welcome();
    agent.give({ kind: 'stop' });
    agent.clock.advance(2_000);
    expect(agent.ended).not.to.equal(undefined);
  });
});
