import { expect } from 'chai';
import * as fc from 'fast-check';
import { AgentSession, CREDIT_WINDOW, PULSE_MS, type AgentSessionEffect, type AgentSessionInput, type CommandOrder } from '../../../src/actors/agents/agent-session.ts';
import type { SignedBundle } from '../../../src/transport/generated/omega/mesh/v1/SignedBundle.ts';
import type { AgentFrame__Output } from '../../../src/transport/generated/omega/mesh/v1/AgentFrame.ts';

const telemetry = (records: number, bytes = 10): AgentFrame__Output => ({
  telemetry: { firstSequence: 1, records: Array.from({ length: records }, () => Buffer.alloc(bytes)) },
  body: 'telemetry',
});
const result = (id: string, output = 'pong'): AgentFrame__Output => ({ result: { id, ok: true, output }, body: 'result' });
const order = (command: string): CommandOrder => ({ command, name: 'ping', arguments: [], timeoutMs: 5_000 });

/** The session of agent a1 on node n1, in virtual time. */
class Scene {
  now = 0;
  readonly brain = new AgentSession({ agent: 'a1', self: 'n1', firstGeneration: 100 });
  readonly open = new Set<number>();
  readonly effects: AgentSessionEffect[] = [];

  say(input: AgentSessionInput): readonly AgentSessionEffect[] {
    const effects = this.brain.handle(input, this.now);
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.kind === 'adopt') this.open.add(effect.generation);
      if (effect.kind === 'close') this.open.delete(effect.generation);
    }
    return effects;
  }

  attach(connectedAtMs = 1): this {
    this.say({ kind: 'attached', connection: { connectedAtMs, program: 'test' }, alternatives: ['n2:7947'] });
    return this;
  }

  frame(frame: AgentFrame__Output): readonly AgentSessionEffect[] {
    return this.say({ kind: 'frame', generation: [...this.open].at(-1) ?? -1, frame });
  }

  pass(ms: number): void {
    for (const until = this.now + ms; this.now < until; ) {
      this.now += PULSE_MS;
      this.say({ kind: 'pulse' });
    }
  }

  /** Credit granted after the welcome. */
  get granted(): number {
    return this.effects.reduce((sum, effect) => sum + (effect.kind === 'send' ? (effect.frame.credit?.records ?? 0) : 0), 0);
  }

  get faults(): (string | undefined)[] {
    return this.effects.flatMap((effect) => (effect.kind === 'close' ? [effect.fault?.code] : []));
  }

  get answers(): unknown[] {
    return this.effects.flatMap((effect) => (effect.kind === 'answer' ? [[effect.command, 'code' in effect.answer ? effect.answer.code : effect.answer.output]] : []));
  }
}

describe("an agent's session", () => {
  it('welcomes the agent with its node, its credit and where else it may go', () => {
    const scene = new Scene().attach();
    expect(scene.effects.slice(0, 2)).to.deep.equal([
      { kind: 'adopt', generation: 101 },
      { kind: 'send', generation: 101, frame: { welcome: { node: 'n1', credit: 256, alternatives: ['n2:7947'] } } },
    ]);
    expect(scene.brain.status(0)).to.include({ isConnected: true, records: 0 });
  });

  it('passes telemetry on and gives credit back when half of it is used', () => {
    const scene = new Scene().attach();
    const [publish, ...others] = scene.frame(telemetry(127));
    expect(publish).to.deep.equal({ kind: 'publish', batch: telemetry(127).telemetry });
    expect(others).to.deep.equal([]);
    expect(scene.frame(telemetry(1))[1]).to.deep.equal({ kind: 'send', generation: 101, frame: { credit: { records: 128 } } });
  });

  it('sends away an agent that sends without credit', () => {
    const scene = new Scene().attach();
    scene.frame(telemetry(CREDIT_WINDOW + 1));
    expect(scene.faults).to.deep.equal(['REFUSED']);
    expect(scene.effects.some((effect) => effect.kind === 'publish')).to.equal(false);
  });

  it('never sends an agent away that keeps to its credit, and lets it send for ever', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: CREDIT_WINDOW }), { maxLength: 50 }), (sizes) => {
        const scene = new Scene().attach();
        let used = 0;
        for (const wanted of sizes) {
          const credit = CREDIT_WINDOW + scene.granted - used;
          expect(credit, 'an agent is never left without credit').to.be.at.least(1);
          const records = Math.min(wanted, credit);
          used += Math.max(1, records);
          scene.frame(telemetry(records));
        }
        expect(scene.faults).to.deep.equal([]);
        expect(CREDIT_WINDOW + scene.granted - used).to.be.at.most(CREDIT_WINDOW);
      }),
    );
  });

  it('keeps owing credit that the stream had no room for, and pays with the next pulse', () => {
    const scene = new Scene().attach();
    const credit = { credit: { records: 200 } };
    scene.frame(telemetry(200));
    scene.say({ kind: 'sent', generation: 101, frame: credit, outcome: 'full' });
    const [grant] = scene.say({ kind: 'pulse' });
    expect(grant).to.deep.equal({ kind: 'send', generation: 101, frame: credit });
  });

  it('tells each connection of an agent what it is to believe, once, and again what there was no room for', () => {
    const scene = new Scene().attach();
    const told = (bundle: SignedBundle): readonly unknown[] => scene.say({ kind: 'pulse', bundle }).filter(({ kind }) => kind === 'send');
    const [first, second]: SignedBundle[] = [{ body: Buffer.from('1') }, { body: Buffer.from('2') }];
    expect(told(first!)).to.deep.equal([{ kind: 'send', generation: 101, frame: { bundle: first } }]);
    expect(told(first!)).to.deep.equal([]);
    expect(told(second!)).to.have.length(1);
    scene.say({ kind: 'sent', generation: 101, frame: { bundle: second! }, outcome: 'full' });
    expect(told(second!)).to.have.length(1);
    scene.attach(2);
    expect(told(second!)).to.deep.equal([{ kind: 'send', generation: 102, frame: { bundle: second } }]);
  });

  it('sends away an agent whose batch is larger than the bus would carry', () => {
    const scene = new Scene().attach();
    scene.frame(telemetry(2, 300 * 1024));
    expect(scene.faults).to.deep.equal(['TOO_LARGE']);
  });

  it('knows the rate of the last five seconds', () => {
    const scene = new Scene().attach();
    for (let second = 0; second < 10; second++) {
      scene.frame(telemetry(10));
      scene.pass(1_000);
      expect(scene.brain.status(scene.now).ratePerS, `after ${second + 1} s`).to.equal(10);
    }
    expect(scene.brain.status(scene.now)).to.include({ ratePerS: 10, records: 100 });
    scene.pass(5_000);
    expect(scene.brain.status(scene.now).ratePerS).to.equal(0);
  });

  it('counts what the bus did not take', () => {
    const scene = new Scene().attach();
    scene.say({ kind: 'published', isTaken: false });
    scene.say({ kind: 'published', isTaken: true });
    expect(scene.brain.unpublished).to.equal(1);
  });

  it('sends a command and answers with the result of the same id, once', () => {
    const scene = new Scene().attach();
    expect(scene.say({ kind: 'command', origin: 'n2', order: order('c1') })).to.deep.equal([
      { kind: 'send', generation: 101, frame: { command: { id: 'c1', name: 'ping', arguments: [], timeoutMs: 5_000 } } },
    ]);
    scene.frame(result('c2'));
    expect(scene.frame(result('c1'))).to.deep.equal([{ kind: 'answer', command: 'c1', origin: 'n2', answer: { ok: true, output: 'pong' } }]);
    expect(scene.frame(result('c1'))).to.deep.equal([]);
  });

  it('has nothing to say about a command that is late', () => {
    const scene = new Scene().attach();
    scene.say({ kind: 'command', origin: 'n1', order: order('c1') });
    scene.pass(5_000);
    expect(scene.brain.outstanding).to.equal(0);
    expect(scene.frame(result('c1'))).to.deep.equal([]);
  });

  it('answers for an agent that is not there, or that goes before it has answered', () => {
    const scene = new Scene();
    scene.say({ kind: 'command', origin: 'n1', order: order('c1') });
    scene.attach();
    scene.say({ kind: 'command', origin: 'n1', order: order('c2') });
    scene.say({ kind: 'closed', generation: 101 });
    expect(scene.answers).to.deep.equal([
      ['c1', 'AGENT_OFFLINE'],
      ['c2', 'AGENT_OFFLINE'],
    ]);
  });

  it('refuses a command when the agent has 256 to answer, or does not read', () => {
    const scene = new Scene().attach();
    for (let at = 0; at < 256; at++) scene.say({ kind: 'command', origin: 'n1', order: order(`c${at}`) });
    expect(scene.answers).to.deep.equal([]);
    scene.say({ kind: 'command', origin: 'n1', order: order('late') });
    scene.say({ kind: 'sent', generation: 101, frame: { command: { id: 'c0' } }, outcome: 'full' });
    expect(scene.answers).to.deep.equal([
      ['late', 'OVERLOADED'],
      ['c0', 'OVERLOADED'],
    ]);
  });

  it('does not pass on an answer larger than 64 KiB', () => {
    const scene = new Scene().attach();
    scene.say({ kind: 'command', origin: 'n1', order: order('c1') });
    scene.say({ kind: 'command', origin: 'n1', order: order('c2') });
    scene.frame(result('c1', 'x'.repeat(64 * 1024 + 1)));
    scene.frame(result('c2', 'ü'.repeat(32 * 1024)));
    expect(scene.answers).to.deep.equal([
      ['c1', 'TOO_LARGE'],
      ['c2', 'ü'.repeat(32 * 1024)],
    ]);
  });

  it('sends the older stream away when the agent connects again', () => {
    const scene = new Scene().attach(1).attach(2);
    expect([...scene.open]).to.deep.equal([102]);
    const drains = scene.effects.filter((effect) => effect.kind === 'send' && effect.frame.drain);
    expect(drains).to.have.length(1);
    scene.say({ kind: 'frame', generation: 101, frame: telemetry(1) });
    scene.say({ kind: 'closed', generation: 101 });
    expect(scene.brain.status(0)).to.include({ isConnected: true, records: 0 });
  });

  it('sends the agent away when it has moved, unless it has connected here again since', () => {
    const scene = new Scene().attach(5);
    expect(scene.say({ kind: 'drain', connectedAtMs: 4, reason: 'moved' })).to.deep.equal([]);
    const [drain, close] = scene.say({ kind: 'drain', connectedAtMs: 5, reason: 'moved' });
    expect(drain).to.deep.equal({ kind: 'send', generation: 101, frame: { drain: { reason: 'moved' } } });
    expect(close).to.deep.equal({ kind: 'close', generation: 101, fault: undefined });
  });

  it('waits a minute for its agent to come back, then ends', () => {
    const scene = new Scene().attach();
    scene.say({ kind: 'closed', generation: 101 });
    scene.pass(59_000);
    scene.attach();
    scene.pass(120_000);
    expect(scene.effects.filter((effect) => effect.kind === 'exit')).to.deep.equal([]);
    scene.say({ kind: 'closed', generation: 102 });
    scene.pass(60_000);
    expect(scene.effects.filter((effect) => effect.kind === 'exit')).to.have.length(1);
  });

  it('ends a session at a second hello', () => {
    const scene = new Scene().attach();
    scene.frame({ hello: { id: 'a1', program: '', labels: {} }, body: 'hello' });
    expect(scene.faults).to.deep.equal(['MALFORMED']);
  });
});
