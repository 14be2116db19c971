import { expect } from 'chai';
import { Directory, PULSE_MS, type DirectoryEffect, type DirectoryInput } from '../../../src/actors/agents/directory.ts';
import { decodeDirectoryMessage, encodeDirectoryMessage, type DirectoryMessage, type WireAgent } from '../../../src/actors/agents/directory-wire.ts';
import type { CommandOrder } from '../../../src/actors/agents/agent-session.ts';
import type { MemberView } from '../../../src/actors/membership/membership-messages.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';

const member = (name: string, over: Partial<MemberView> = {}): MemberView => {
  const host = '127.0.0.1';
  return { name, host, port: 7946, tags: { grpc: `127.0.0.1:${name.replace('n', '794')}` }, status: 'alive', incarnation: 1, isSelf: false, statusSinceMs: 0, ...over };
};
const hello = (arrival: number, id: string): DirectoryInput => ({
  kind: 'arrival-frame',
  arrival,
  frame: { hello: { id, program: 'test', labels: {} }, body: 'hello' },
});
const wire = (id: string, over: Partial<WireAgent> = {}): WireAgent => {
  return { id, program: 'test', connectedAtMs: 100, isConnected: true, ratePerS: 1, records: 1, seenAgoMs: 0, ...over };
};
const order = (command: string, over: Partial<CommandOrder> = {}): CommandOrder => ({ command, name: 'ping', arguments: [], timeoutMs: 5_000, ...over });
const codeOf = (effect: DirectoryEffect | undefined): string => (effect?.kind === 'answer' && effect.answer instanceof MeshError ? effect.answer.code : 'none');

/** The directory of node n1, in virtual time; n2 and n3 are alive. */
class Scene {
  now = 10_000;
  arrivals = 0;
  readonly brain = new Directory({ self: 'n1', random: seededRandom(1), startedAtMs: 0 });

  constructor() {
    this.say({ kind: 'members', members: [member('n1', { isSelf: true }), member('n2'), member('n3')] });
  }

  say(...inputs: DirectoryInput[]): readonly DirectoryEffect[] {
    return inputs.flatMap((input) => this.brain.handle(input, { now: this.now, wallNow: this.now }));
  }

  hear(from: string, message: DirectoryMessage): readonly DirectoryEffect[] {
    return this.say({ kind: 'bus-message', from, payload: encodeDirectoryMessage(message) });
  }

  report(agent: string, connectedAtMs: number, isConnected = true): readonly DirectoryEffect[] {
    const status = { isConnected, connection: { connectedAtMs, program: 'test' }, ratePerS: 1, records: 1, lastSeenAtMs: this.now };
    return this.say({ kind: 'session-report', agent, status });
  }

  arrive(agent: string): readonly DirectoryEffect[] {
    return this.say({ kind: 'incoming', arrival: ++this.arrivals, proved: agent }, hello(this.arrivals, agent));
  }

  pass(ms: number): readonly DirectoryEffect[] {
    const effects: DirectoryEffect[] = [];
    for (const until = this.now + ms; this.now < until; ) {
      this.now += PULSE_MS;
      effects.push(...this.say({ kind: 'pulse' }));
    }
    return effects;
  }

  where(agent: string): string {
    const view = this.brain.list(this.now).find(({ id }) => id === agent);
    return view === undefined ? 'unknown' : `${view.node}${view.isConnected ? '' : ' offline'}`;
  }
}

function published(effects: readonly DirectoryEffect[]): (DirectoryMessage | undefined)[] {
  return effects.flatMap((effect) => (effect.kind === 'publish' || effect.kind === 'publish-to' ? [decodeDirectoryMessage(effect.payload, Infinity)] : []));
}

describe('nodes that membership does not list', () => {
  it('keep their agents for some seconds: membership that has just restarted knows only itself', () => {
    const scene = new Scene();
    scene.hear('n2', { kind: 'changes', agents: [wire('a1')] });
    scene.say({ kind: 'members', members: [member('n1', { isSelf: true })] });
    scene.pass(9_000);
    expect(scene.where('a1')).to.equal('n2');
    scene.pass(2_000);
    expect(scene.where('a1')).to.equal('n2 offline');
  });
});

describe('letting agents in', () => {
  it('refuses at once an agent under an id that is not in its certificate', () => {
    const [close] = new Scene().say({ kind: 'incoming', arrival: 1, proved: 'a2' }, hello(1, 'a1'));
    expect(close).to.have.property('kind', 'close-arrival');
    expect(close).to.have.property('fault').that.includes({ code: 'WRONG_IDENTITY', given: 'a1', expected: 'a2' });
  });

  it('starts a session for the agent and hands the stream over when it stands', () => {
    const scene = new Scene();
    expect(scene.arrive('a1')).to.deep.equal([{ kind: 'ensure-session', agent: 'a1' }]);
    const [handOver] = scene.say({ kind: 'session-started', agent: 'a1' });
    expect(handOver).to.deep.include({ kind: 'hand-over', arrival: 1, agent: 'a1', connection: { connectedAtMs: 10_000, program: 'test' } });
    expect(handOver).to.have.property('alternatives').with.members(['127.0.0.1:7942', '127.0.0.1:7943']);
  });

  it('hands a stream straight to a session that is known', () => {
    const scene = new Scene();
    scene.report('a1', 100, false);
    expect(scene.arrive('a1').map((effect) => effect.kind)).to.deep.equal(['hand-over']);
  });

  it('asks once for the session of an agent that comes twice, and hands over the newer stream', () => {
    const scene = new Scene();
    scene.arrive('a1');
    const [close, ...others] = scene.arrive('a1');
    expect(close).to.deep.include({ kind: 'close-arrival', arrival: 1 });
    expect(others).to.deep.equal([]);
    expect(scene.say({ kind: 'session-started', agent: 'a1' })[0]).to.deep.include({ kind: 'hand-over', arrival: 2 });
  });

  it('hands the stream to the next session when one ends before it has taken it', () => {
    const scene = new Scene();
    scene.arrive('a1');
    scene.say({ kind: 'session-started', agent: 'a1' });
    expect(scene.say({ kind: 'session-ended', agent: 'a1' })).to.deep.equal([{ kind: 'ensure-session', agent: 'a1' }]);
    expect(scene.say({ kind: 'session-started', agent: 'a1' })[0]).to.deep.include({ kind: 'hand-over', arrival: 1 });
  });

  it('leaves no stream with nobody to listen: what no session took in five seconds is closed', () => {
    const scene = new Scene();
    scene.say({ kind: 'incoming', arrival: 1, proved: 'a1' });
    scene.say({ kind: 'incoming', arrival: 2, proved: 'a2' }, hello(2, 'a2'));
    scene.say({ kind: 'incoming', arrival: 3, proved: 'a3' }, hello(3, 'a3'), { kind: 'session-started', agent: 'a3' });
    scene.say({ kind: 'incoming', arrival: 4, proved: 'a4' }, hello(4, 'a4'), { kind: 'session-started', agent: 'a4' }, { kind: 'attached', arrival: 4 });
    scene.say({ kind: 'incoming', arrival: 5, proved: 'a5' }, { kind: 'arrival-closed', arrival: 5 });
    const closed = scene.pass(5_000).flatMap((effect) => (effect.kind === 'close-arrival' ? [[effect.arrival, effect.fault.code]] : []));
    expect(closed).to.deep.equal([
      [1, 'MALFORMED'],
      [2, 'OVERLOADED'],
      [3, 'OVERLOADED'],
    ]);
    expect(scene.brain.counts.arrivals).to.equal(0);
    expect(scene.arrive('a2'), 'the next stream asks afresh').to.deep.equal([{ kind: 'ensure-session', agent: 'a2' }]);
  });

  const badHellos: [string, DirectoryInput, string][] = [
    ['an id with a slash', hello(1, 'a/1'), 'BAD_ARGUMENT'],
    ['an empty id', hello(1, ''), 'BAD_ARGUMENT'],
    ['an id of 129 characters', hello(1, 'x'.repeat(129)), 'BAD_ARGUMENT'],
    ['a first frame that is no hello', { kind: 'arrival-frame', arrival: 1, frame: { result: { id: '', ok: true, output: '' }, body: 'result' } }, 'MALFORMED'],
    [
      'sixty-five labels',
      { kind: 'arrival-frame', arrival: 1, frame: { hello: { id: 'a1', program: '', labels: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`l${at}`, ''])) }, body: 'hello' } },
      'TOO_LARGE',
    ],
  ];
  for (const [what, frame, code] of badHellos) {
    it(`refuses ${what} with ${code}`, () => {
      const [close] = new Scene().say({ kind: 'incoming', arrival: 1, proved: 'a1' }, frame);
      expect(close).to.have.property('kind', 'close-arrival');
      expect(close).to.have.nested.property('fault.code', code);
    });
  }

  it('dates a connection after the one it replaces, wherever that was and whatever its clock said', () => {
    const scene = new Scene();
    scene.hear('n2', { kind: 'changes', agents: [wire('a1', { connectedAtMs: 9_999_999 })] });
    scene.arrive('a1');
    const [handOver] = scene.say({ kind: 'session-started', agent: 'a1' });
    expect(handOver).to.have.nested.property('connection.connectedAtMs', 10_000_000);
  });
});

describe('the directory', () => {
  it('tells the others of a new agent, once, with those that came together', () => {
    const scene = new Scene();
    const effects = [...scene.report('a1', 100), ...scene.report('a2', 100), ...scene.report('a1', 100)];
    expect(effects).to.deep.equal([{ kind: 'schedule-announce', delayMs: 100 }]);
    const [message] = published(scene.say({ kind: 'announce' }));
    expect(message).to.have.property('kind', 'changes');
    expect(message).to.have.property('agents').with.length(2);
    expect(scene.say({ kind: 'announce' })).to.deep.equal([]);
  });

  it('goes round its agents five hundred a second', () => {
    const scene = new Scene();
    for (let at = 0; at < 1_200; at++) scene.report(`a${String(at).padStart(4, '0')}`, 100);
    const ranges = published(scene.pass(4_000)).map((message) => (message?.kind === 'sweep' ? [message.after, message.upTo, message.agents.length] : []));
    expect(ranges).to.deep.equal([
      ['', 'a0499', 500],
      ['a0499', 'a0999', 500],
      ['a0999', null, 200],
      ['', 'a0499', 500],
    ]);
  });

  it('says nothing of what it has until its sessions have reported', () => {
    const brain = new Directory({ self: 'n1', random: seededRandom(1), startedAtMs: 10_000 });
    const swept = [11_000, 12_000, 13_000].map((now) => published(brain.handle({ kind: 'pulse' }, { now, wallNow: now })).length);
    expect(swept).to.deep.equal([0, 0, 1]);
  });

  it('sends away an agent that has connected to another node since', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    const [drain] = scene.hear('n2', { kind: 'changes', agents: [wire('a1', { connectedAtMs: 101 })] });
    expect(drain).to.deep.include({ kind: 'drain-session', agent: 'a1', connectedAtMs: 100 });
    expect(scene.where('a1')).to.equal('n2');
    expect(scene.report('a1', 100)[0], 'and again, should the first have been lost').to.deep.include({ kind: 'drain-session', connectedAtMs: 100 });
    expect(scene.report('a1', 100, false)).to.deep.equal([]);
    expect(scene.where('a1')).to.equal('n2');
  });

  it('keeps an agent that another node still believes to have', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    expect(scene.hear('n2', { kind: 'changes', agents: [wire('a1', { connectedAtMs: 99 })] })).to.deep.equal([]);
    expect(scene.where('a1')).to.equal('n1');
  });

  it('has the agents of a dead node offline, and believes no word of it', () => {
    const scene = new Scene();
    scene.hear('n2', { kind: 'changes', agents: [wire('a1')] });
    scene.say({ kind: 'members', members: [member('n2', { status: 'suspect' })] });
    expect(scene.where('a1'), 'a suspect is not dead').to.equal('n2');
    scene.say({ kind: 'members', members: [member('n2', { status: 'dead' })] });
    expect(scene.where('a1')).to.equal('n2 offline');
    scene.hear('n2', { kind: 'changes', agents: [wire('a1', { connectedAtMs: 200 })] });
    expect(scene.where('a1')).to.equal('n2 offline');
  });

  it('has an agent offline whose session was killed', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    expect(scene.say({ kind: 'session-ended', agent: 'a1' }).map((effect) => effect.kind)).to.include('schedule-announce');
    expect(scene.where('a1')).to.equal('n1 offline');
  });

  it('counts what it does not understand and goes on', () => {
    const scene = new Scene();
    scene.say({ kind: 'bus-message', from: 'n2', payload: Buffer.from('{') });
    expect(scene.brain.counts.malformed).to.equal(1);
  });
});

describe('a command', () => {
  it('for an agent that is here goes to its session, and the answer names the node', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    const effects = scene.say({ kind: 'command', agent: 'a1', order: order('c1') });
    expect(effects).to.deep.equal([
      { kind: 'schedule-late', command: 'c1', delayMs: 5_000 },
      { kind: 'order-session', agent: 'a1', origin: 'n1', order: order('c1') },
    ]);
    const answered: DirectoryInput = { kind: 'session-answered', command: 'c1', origin: 'n1', answer: { ok: true, output: 'pong' } };
    expect(scene.say(answered)).to.deep.equal([{ kind: 'answer', command: 'c1', answer: { node: 'n1', ok: true, output: 'pong' } }]);
    expect(scene.say(answered, { kind: 'command-late', command: 'c1' }), 'never twice').to.deep.equal([]);
  });

  it('for an agent elsewhere goes to its node, and only that node can answer', () => {
    const scene = new Scene();
    scene.hear('n2', { kind: 'changes', agents: [wire('a1')] });
    const effects = scene.say({ kind: 'command', agent: 'a1', order: order('c1') });
    expect(effects[1]).to.deep.include({ kind: 'publish-to', node: 'n2' });
    expect(published(effects)).to.deep.equal([{ kind: 'command', agent: 'a1', order: order('c1') }]);
    const answer: DirectoryMessage = { kind: 'answer', command: 'c1', answer: { ok: false, output: 'no' } };
    expect(scene.hear('n3', answer)).to.deep.equal([]);
    expect(scene.hear('n2', answer)).to.deep.equal([{ kind: 'answer', command: 'c1', answer: { node: 'n2', ok: false, output: 'no' } }]);
  });

  it('from another node is carried out here, and its answer goes back', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    expect(scene.hear('n2', { kind: 'command', agent: 'a1', order: order('c1') })).to.deep.equal([{ kind: 'order-session', agent: 'a1', origin: 'n2', order: order('c1') }]);
    const back = scene.say({ kind: 'session-answered', command: 'c1', origin: 'n2', answer: { ok: true, output: 'pong' } });
    expect(back[0]).to.deep.include({ kind: 'publish-to', node: 'n2' });
    expect(published(back)).to.deep.equal([{ kind: 'answer', command: 'c1', answer: { ok: true, output: 'pong' } }]);
  });

  it('from another node for an agent that is not here any more is answered with that', () => {
    const scene = new Scene();
    scene.hear('n3', { kind: 'changes', agents: [wire('a1')] });
    for (const agent of ['a1', 'a2']) {
      const [answer] = published(scene.hear('n2', { kind: 'command', agent, order: order('c1') }));
      expect(answer).to.have.nested.property('answer.code', agent === 'a1' ? 'AGENT_OFFLINE' : 'AGENT_UNKNOWN');
    }
  });

  it('that is late is answered with that, and a later answer is ignored', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    scene.say({ kind: 'command', agent: 'a1', order: order('c1') });
    const [late] = scene.say({ kind: 'command-late', command: 'c1' });
    expect(codeOf(late)).to.equal('AGENT_LATE');
    expect(scene.say({ kind: 'session-answered', command: 'c1', origin: 'n1', answer: { ok: true, output: 'pong' } })).to.deep.equal([]);
  });

  it('for an agent nobody saw says so and names the one that was meant', () => {
    const scene = new Scene();
    scene.report('sensor-1', 100);
    const [answer] = scene.say({ kind: 'command', agent: 'sensro-1', order: order('c1') });
    expect(codeOf(answer)).to.equal('AGENT_UNKNOWN');
    expect(answer).to.have.nested.property('answer.todo', 'did you mean sensor-1? see `mesh agents`');
  });

  it('for an agent that is offline says since when and where it was', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    scene.report('a1', 100, false);
    scene.now += 12_000;
    const [answer] = scene.say({ kind: 'command', agent: 'a1', order: order('c1') });
    expect(codeOf(answer)).to.equal('AGENT_OFFLINE');
    expect(answer).to.have.nested.property('answer.message', 'agent a1 has been offline for 12 s; it was last connected to n1');
  });

  const bad: [string, Partial<CommandOrder>, string][] = [
    ['no name', { name: '' }, 'BAD_ARGUMENT'],
    ['no time', { timeoutMs: 0 }, 'BAD_ARGUMENT'],
    ['more than ten minutes', { timeoutMs: 600_001 }, 'BAD_ARGUMENT'],
    ['65 arguments', { arguments: Array.from({ length: 65 }, () => 'x') }, 'TOO_LARGE'],
    ['more than 64 KiB of arguments', { arguments: ['x'.repeat(64 * 1024 + 1)] }, 'TOO_LARGE'],
  ];
  for (const [what, over, code] of bad) {
    it(`with ${what} is refused with ${code}, also when it comes from another node`, () => {
      const scene = new Scene();
      scene.report('a1', 100);
      expect(codeOf(scene.say({ kind: 'command', agent: 'a1', order: order('c1', over) })[0])).to.equal(code);
      const [answer] = published(scene.hear('n2', { kind: 'command', agent: 'a1', order: order('c1', over) }));
      expect(answer).to.have.nested.property('answer.code', code);
    });
  }

  it('beyond ten thousand that wait is refused', () => {
    const scene = new Scene();
    scene.report('a1', 100);
    for (let at = 0; at < 10_000; at++) scene.say({ kind: 'command', agent: 'a1', order: order(`c${at}`) });
    expect(codeOf(scene.say({ kind: 'command', agent: 'a1', order: order('one too many') })[0])).to.equal('OVERLOADED');
  });
});
