import { expect } from 'chai';
import { actorRequests } from '../../../src/actors/admin/actor-requests.ts';
import { actorVerbs } from '../../../src/actors/admin/actor-verbs.ts';
import { operatorOf } from '../../../src/actors/admin/operator.ts';
import type { Operator } from '../../../src/actors/admin/operator.ts';
import { Traces } from '../../../src/actors/admin/traces.ts';
import { MeshError } from '../../../src/errors.ts';
import { IGNORE } from '../../../src/supervision/behavior.ts';
import type { Behavior } from '../../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../../src/supervision/child-spec.ts';
import type { Caller } from '../../../src/transport/caller.ts';
import type { TraceItem } from '../../../src/transport/generated/omega/mesh/v1/TraceItem.ts';
import { startWorld } from '../../support/actor-world.ts';
import type { ActorWorld } from '../../support/actor-world.ts';

type Message = { readonly kind: string; readonly text?: string; readonly bytes?: Uint8Array };

const LIMITS = { messagesMax: 3, perS: 10, forMs: 1_000 };

function actor(id: string, parts: Partial<Behavior<string[], Message>> = {}, flags: object = {}): ChildSpec {
  const behavior: Behavior<string[], Message> = {
    init: () => [],
    receive: (heard, { kind }) => [...heard, kind],
    view: (heard) => ({ heard, password: 'hush' }),
    ...parts,
  };
  return { type: 'worker', id, start: () => behavior, ...flags };
}

describe('what an operator asks of one actor', () => {
  let world: ActorWorld;
  let operator: Operator;
  let isStopped: boolean;
  let startFails: boolean;
  let isStubborn: boolean;

  beforeEach(async () => {
    isStopped = startFails = false;
    isStubborn = true;
    const frail = {
      init: (): string[] => {
        if (startFails) throw new Error('no disk');
        return [];
      },
    };
    const stubborn: Partial<Behavior<string[], Message>> = {
      trapsStop: true,
      signal: (heard, _signal, context) => {
        if (!isStubborn) context.exit();
        return heard;
      },
    };
    world = await startWorld({
      children: [
        { type: 'supervisor', id: 'bus', strategy: 'one_for_one', children: [actor('subjects', {}, { shutdown: 300 }), actor('frail', frail, { backoff: { baseMs: 60_000, maxMs: 60_000, consecutiveMax: 5 } }), actor('idle', { init: () => IGNORE })] },
        { type: 'supervisor', id: 'stuck', strategy: 'one_for_all', children: [actor('stubborn', stubborn, { shutdown: 'infinity' }), actor('neighbour')] },
        { type: 'supervisor', id: 'edge', strategy: 'one_for_one', children: [actor('grpc'), actor('admin')] },
      ],
    });
    operator = operatorOf(world.system, () => void (isStopped = true));
  });
  afterEach(async () => {
    isStubborn = false;
    world.system.kill('/stuck/stubborn', 'end of the test');
    await world.stop();
  });

  const requests = (): ReturnType<typeof actorRequests> => actorRequests({ operator, boot: 'b1', kill: () => undefined });
  const verb = (word: string, path: string, force = false): ReturnType<ReturnType<typeof actorVerbs>['controlActor']> =>
    world.outcome(actorVerbs(operator).controlActor({ path, verb: word, force, by: 'ada (pid 7)' }));
  const outcomeOf = async (word: string, path: string, force = false): Promise<string> => (await verb(word, path, force)).outcome!;
  const faultOf = async (answer: Promise<unknown>): Promise<MeshError> => {
    const error: unknown = await answer.then(() => undefined, (fault: unknown) => fault);
    expect(error).to.be.instanceOf(MeshError);
    return error as MeshError;
  };
  const adminEvents = (): string[] => world.system.events.latest('/', 100).filter(({ type }) => type === 'admin').map(({ path, reason }) => `${path}: ${reason}`);

  describe('information', () => {
    it('has the flags, the budget and the figures of a worker', async () => {
      world.ref<Message>('/bus/subjects').send({ kind: 'one' });
      await world.settle();
      expect(await requests().getActor({ path: '/bus/subjects' })).to.deep.include({
        type: 'worker', status: 'running', life: 1, restart: 'permanent', shutdown: '300', isolation: 'none', lane: 'turn',
        budget: { used: 0, intensity: 3, periodMs: 5_000, isShared: true }, childrenBudget: null, strategy: '', children: 0,
        mailbox: 0, mailboxMax: 10_000, mailboxPeak: 1, overflow: 'reject', processed: 1, zombies: 0, watchers: 0, links: 0, lastError: null,
      });
    });

    it('counts a restart against the budget of the supervisor, and shows the failure', async () => {
      world.system.inject('/bus/subjects', new TypeError('boom'), 'test');
      await world.settle();
      expect(await requests().getActor({ path: '/bus/subjects' })).to.deep.include({ restarts: 1, crashes: 1 }).and.to.have.nested.property('lastError.name', 'TypeError');
      expect((await requests().getActor({ path: '/bus' })).childrenBudget).to.deep.equal({ used: 1, intensity: 3, periodMs: 5_000, isShared: true });
    });

    it('of the root has no budget', async () => {
      expect(await requests().getActor({ path: '/' })).to.deep.include({ type: 'supervisor', budget: null, strategy: 'one_for_one', children: 3, autoShutdown: 'never' });
    });

    it('about a path that is not there names the nearest', async () => {
      for (const answer of [requests().getActor({ path: '/bus/subject' }), requests().getState({ path: '/bus/subject' }), verb('restart', '/bus/subject')]) {
        expect(await faultOf(answer)).to.include({ code: 'UNKNOWN_PATH' }).and.to.have.property('todo').that.includes('/bus/subjects');
      }
    });
  });

  describe('a state', () => {
    it('is what the actor shows of it, without secrets', async () => {
      expect(await requests().getState({ path: '/bus/subjects' })).to.deep.equal({ path: '/bus/subjects', life: 1, isShown: true, state: '{"heard":[],"password":"[redacted]"}' });
    });

    it('is none for a supervisor, and refused where there is no life', async () => {
      expect(await requests().getState({ path: '/bus' })).to.include({ isShown: false, state: '' });
      expect((await faultOf(requests().getState({ path: '/bus/idle' }))).code).to.equal('REFUSED');
    });
  });

  it('reads answer although a supervisor hears nobody: one that is suspended, and one that waits for ever', async () => {
    await verb('suspend', '/bus');
    void actorVerbs(operator).controlActor({ path: '/stuck/neighbour', verb: 'restart', force: false, by: '' }).catch(() => undefined);
    await world.settle();
    for (const supervisor of ['/bus', '/stuck']) {
      const count = world.supervisor(supervisor).ask((reply) => ({ kind: 'count-children', reply }), 1_000);
      if (supervisor === '/bus') expect((await world.outcome(count.catch((error: Error) => error.message))) as string).to.include('no answer');
      expect((await requests().getTree({ path: supervisor })).children).to.have.length(supervisor === '/bus' ? 3 : 2);
      expect((await requests().getActor({ path: supervisor })).status).to.equal(supervisor === '/bus' ? 'suspended' : 'running');
    }
    expect((await requests().getState({ path: '/bus/subjects' })).isShown).to.equal(true);
    expect((await requests().getActor({ path: '/stuck/stubborn' })).status).to.equal('stopping');
    expect((await requests().listHistory({ path: '/bus', limit: 10 })).events).to.have.length(1);
    expect((await requests().listDeadLetters({ path: '', limit: 0 })).letters).to.deep.equal([]);
    expect(await faultOf(verb('restart', '/stuck/neighbour'))).to.include({ code: 'OVERLOADED', message: 'restarting /stuck/neighbour takes longer than 20 s, and goes on' });
  });

  describe('a verb', () => {
    it('restart is answered when the next life is up, costs no budget and names who asked', async () => {
      expect(await verb('restart', '/bus/subjects')).to.deep.equal({ path: '/bus/subjects', outcome: 'restarted', life: 2, error: null });
      expect((await requests().getActor({ path: '/bus/subjects' })).budget).to.deep.include({ used: 0 });
      expect(adminEvents()).to.deep.equal(['/bus/subjects: restart asked by ada (pid 7)']);
    });

    it('restart says how it failed', async () => {
      startFails = true;
      expect(await verb('restart', '/bus/frail')).to.deep.include({ outcome: 'start_failed' }).and.to.have.nested.property('error.message', 'no disk');
      expect(await outcomeOf('start', '/bus/frail')).to.equal('restarting');
    });

    it('stop leaves it down until start, and both say so when there is nothing to do', async () => {
      const outcomes: string[] = [];
      for (const word of ['stop', 'stop', 'start', 'start']) outcomes.push(await outcomeOf(word, '/bus/subjects'));
      expect(outcomes).to.deep.equal(['stopped', 'already_stopped', 'started', 'already_running']);
      expect(adminEvents()).to.deep.equal(['/bus/subjects: stop asked by ada (pid 7)', '/bus/subjects: start asked by ada (pid 7)']);
    });

    it('stop of a child that its supervisor does not keep says so', async () => {
      const start = world.supervisor('/bus').ask((reply) => ({ kind: 'start-child', spec: actor('once', {}, { restart: 'temporary' }), reply }), 1_000);
      await world.outcome(start);
      expect(await verb('stop', '/bus/once')).to.include({ outcome: 'removed', life: 1 });
      expect((await faultOf(verb('start', '/bus/once'))).code).to.equal('UNKNOWN_PATH');
    });

    it('suspend holds the mail until resume', async () => {
      expect(await outcomeOf('suspend', '/bus/subjects')).to.equal('suspended');
      expect(await outcomeOf('suspend', '/bus/subjects')).to.equal('already_suspended');
      world.ref<Message>('/bus/subjects').send({ kind: 'one' });
      await world.settle();
      expect((await requests().getActor({ path: '/bus/subjects' }))).to.include({ status: 'suspended', mailbox: 1 });
      expect(await outcomeOf('resume', '/bus/subjects')).to.equal('resumed');
      expect(await outcomeOf('resume', '/bus/subjects')).to.equal('not_suspended');
      expect(adminEvents()).to.have.length(2);
    });

    it('that has nothing to run says so', async () => {
      expect(await outcomeOf('restart', '/bus/idle')).to.equal('ignored');
      expect((await faultOf(verb('suspend', '/bus/idle'))).message).to.equal('/bus/idle has no life to suspend just now');
    });

    it('of the listener of the mesh must be meant by who comes over it', async () => {
      const caller = { id: { trustDomain: 'omega.test', kind: 'admin', name: 'kim' }, role: 'operator' } as Caller;
      const order = { path: '/edge/grpc', verb: 'stop', force: false, by: 'admin/kim (operator)' };
      expect(await faultOf(world.outcome(actorVerbs(operator).controlActor(order, caller)))).to.include({ code: 'REFUSED', message: "stopping /edge/grpc takes this command's own connection along" });
      expect(await outcomeOf('stop', '/edge/grpc')).to.equal('stopped');
    });

    it('on what serves the operator must be meant, and is answered before the door closes', async () => {
      for (const [word, path] of [['restart', '/edge/admin'], ['stop', '/edge'], ['suspend', '/edge/admin'], ['stop', '/']] as const) {
        expect((await faultOf(verb(word, path))).todo, `${word} ${path}`).to.equal('say --force if that is meant');
      }
      expect(adminEvents()).to.deep.equal([]);
      expect(await outcomeOf('restart', '/edge/admin', true)).to.equal('under_way');
      await world.settle();
      expect(operator.info('/edge/admin')).to.include({ life: 2, status: 'running' });
      expect(await outcomeOf('stop', '/', true)).to.equal('under_way');
      expect(isStopped).to.equal(true);
    });

    it('on a layer that takes the operator’s door along is answered before too', async () => {
      const layers = ['bus', 'edge'].map((id): ChildSpec => ({ type: 'supervisor', id, strategy: 'one_for_one', children: [actor('admin')] }));
      const layered = await startWorld({ strategy: 'rest_for_one', children: layers });
      operator = operatorOf(layered.system, () => undefined);
      expect(await layered.outcome(outcomeOf('restart', '/bus/admin'))).to.equal('restarted');
      expect(await layered.outcome(outcomeOf('restart', '/bus'))).to.equal('under_way');
      await layered.settle();
      expect(operator.info('/edge/admin')?.life).to.equal(2);
      await layered.stop();
    });

    it('restart of the root is refused, for nobody could start it again', async () => {
      expect((await faultOf(verb('restart', '/', true))).code).to.equal('REFUSED');
    });

    it('that does not exist names the nearest', async () => {
      expect(await faultOf(verb('restrat', '/bus'))).to.include({ code: 'BAD_ARGUMENT', todo: 'did you mean restart?' });
    });
  });

  describe('a trace', () => {
    const items: TraceItem[] = [];
    let isFull: boolean;
    let isClosed: boolean;
    const sink = { send: (item: TraceItem) => !isFull && items.push(item) > 0, onDrained: () => undefined, onClosed: () => undefined, close: () => void (isClosed = true) };

    beforeEach(() => {
      items.length = 0;
      isFull = isClosed = false;
    });

    it('ends by itself after its last message, and says so', async () => {
      const traces = new Traces();
      traces.start('t1', { path: '/bus/subjects', ...LIMITS }, sink, operator);
      for (const kind of ['a', 'b', 'c', 'd']) world.ref<Message>('/bus/subjects').send({ kind });
      await world.settle();
      expect(items.map(({ entry, over }) => entry?.message ?? over)).to.deep.equal(['a', 'b', 'c', { limit: 'max', shown: 3 }]);
      expect([isClosed, traces.size]).to.deep.equal([true, 0]);
    });

    it('counts what its reader had no room for', async () => {
      const traces = new Traces();
      traces.start('t1', { path: '/bus/subjects', ...LIMITS }, sink, operator);
      const say = async (kind: string): Promise<void> => {
        world.ref<Message>('/bus/subjects').send({ kind });
        await world.settle();
      };
      isFull = true;
      await say('a');
      isFull = false;
      await say('b');
      expect(items[0]?.entry).to.include({ message: 'b', skipped: 1 });
      traces.over('t1', 'time');
      await say('c');
      expect(items.at(-1)).to.deep.equal({ over: { limit: 'time', shown: 1 } });
    });

    it('is refused without bounds, and of nobody', () => {
      const start = (parts: object): void => new Traces().start('t', { path: '/bus/subjects', ...LIMITS, ...parts }, sink, operator);
      for (const unbounded of [{ messagesMax: 0 }, { messagesMax: 10_001 }, { perS: 0 }, { forMs: 0 }, { forMs: Infinity }]) {
        expect(() => start(unbounded), JSON.stringify(unbounded)).to.throw(MeshError, 'a trace must be bounded');
      }
      expect(() => start({ path: '/bus/subject' })).to.throw(MeshError, 'there is no actor');
    });
  });

  describe('dead letters', () => {
    const replay = (sequence: number, to = ''): ReturnType<ReturnType<typeof requests>['replayDeadLetter']> => requests().replayDeadLetter({ sequence, to, by: 'ada (pid 7)' });

    it('are listed by path, the newest last', async () => {
      for (const path of ['/bus/gone', '/buss', '/bus/gone']) world.ref<Message>(path).send({ kind: `to ${path}` });
      const { letters, total } = await requests().listDeadLetters({ path: '/bus', limit: 0 });
      expect(letters?.map(({ sequence, reason, withheld }) => [sequence, reason, withheld])).to.deep.equal([[1, 'noproc', ''], [3, 'noproc', '']]);
      expect(total).to.equal(3);
      expect((await requests().listDeadLetters({ path: '', limit: 1 })).letters?.map(({ sequence }) => sequence)).to.deep.equal([3]);
    });

    it('reach somebody when they are sent again, once', async () => {
      world.ref<Message>('/bus/gone').send({ kind: 'late' });
      expect(await replay(1, '/bus/subjects')).to.deep.equal({ path: '/bus/subjects', outcome: 'accepted' });
      await world.settle();
      expect((await requests().getState({ path: '/bus/subjects' })).state).to.include('late');
      expect(adminEvents()).to.deep.equal(['/bus/subjects: replay of dead letter 1 asked by ada (pid 7)']);
      expect((await faultOf(replay(1))).message).to.include('it was sent again already');
    });

    it('that reach nobody again may be tried once more', async () => {
      world.ref<Message>('/bus/gone').send({ kind: 'late' });
      expect(await replay(1)).to.include({ outcome: 'noproc' });
      expect(await replay(1, '/bus/subjects')).to.include({ outcome: 'accepted' });
    });

    it('say why they cannot be sent again', async () => {
      const gone = world.ref<unknown>('/bus/gone');
      await gone.ask((reply) => ({ kind: 'question', reply }), 10).catch(() => undefined);
      gone.send({ kind: 'large', bytes: new Uint8Array(20_000) });
      gone.send({ get kind() { return 'odd'; }, get trap() { throw new Error('do not look'); } });
      for (let more = 0; more < 101; more++) gone.send({ kind: 'more' });
      const { letters } = await requests().listDeadLetters({ path: '', limit: 0 });
      expect(letters?.slice(0, 1)[0]?.sequence).to.equal(5);
      const all = (await requests().listDeadLetters({ path: '', limit: 1_000 })).letters ?? [];
      expect(all.slice(0, 5).map(({ withheld }) => withheld)).to.deep.equal(['question', 'large', 'unreadable', 'old', '']);
      expect((await faultOf(replay(1))).code).to.equal('REFUSED');
      expect((await faultOf(replay(9_999))).code).to.equal('NOT_FOUND');
      expect((await faultOf(replay(5, '/bus/subject'))).code).to.equal('UNKNOWN_PATH');
    });
  });
});
