import { expect } from 'chai';
import type { ActorRef, Reply } from '../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import type { TraceEntry } from '../../src/supervision/trace.ts';
import { until } from '../support/real-time.ts';
import type { ThreadOrder } from './thread-puppet.ts';
import { ThreadWorld } from './thread-world.ts';

const PATIENCE_MS = 5_000;

describe('an actor in a thread of its own', () => {
  let world: ThreadWorld;
  beforeEach(() => (world = new ThreadWorld()));
  afterEach(() => world.stop());

  function asked(make: (reply: Reply<unknown>) => ThreadOrder): Promise<unknown> {
    return world.ref.ask(make, PATIENCE_MS);
  }

  describe('is an actor like any other:', () => {
    it('it handles messages in their order, and answers', async () => {
      await world.start();
      for (let by = 1; by <= 100; by++) world.ref.send({ kind: 'add', by });
      expect(await world.read()).to.equal(5_050);
      expect(world.system.tree('/a')?.processed).to.equal(101);
    });

    it('one message at a time: what waits does so in its mailbox, bounded', async () => {
      await world.start({ mailbox: { max: 2 } });
      world.ref.send({ kind: 'spin', forMs: 200 });
      await until(() => world.system.tree('/a')?.mailbox === 0, 'the first is in hand');
      expect([1, 2, 3].map((by) => world.ref.send({ kind: 'add', by }))).to.deep.equal(['accepted', 'accepted', 'full']);
      await until(() => world.system.tree('/a')?.mailbox === 0, 'the rest was handled');
      expect(await world.read()).to.equal(3);
    });

    it('a crash ends its life with the error as it was thrown there, and the next one starts afresh', async () => {
      await world.start();
      world.ref.send({ kind: 'add', by: 3 });
      world.ref.send({ kind: 'throw' });
      await world.reborn(2);
      const { error, during, state } = world.lastEnd!;
      expect(error).to.include({ name: 'RangeError', message: 'boom' });
      expect(error?.cause?.message).to.equal('deep');
      expect(error?.stack).to.include('thread-puppet');
      expect(during).to.equal('receive order throw');
      expect(state).to.equal('{"sum":3}');
      expect(await world.read()).to.equal(0);
    });

    it('a trace of it sees what is handled in the thread, also what the actor tells itself, over restarts, until it ends', async () => {
      await world.start();
      const entries: TraceEntry[] = [];
      const seen = (): string[] => entries.map(({ message, outcome, life }) => `${message} ${outcome} ${life}`);
      world.system.trace('/a', { messagesMax: 6, perS: 100, onEntry: (entry) => entries.push(entry) });
      world.ref.send({ kind: 'tell-self' });
      await until(() => entries.length === 2, 'what it told itself');
      world.ref.send({ kind: 'spin', forMs: 20 });
      world.ref.send({ kind: 'throw' });
      await world.reborn(2);
      for (let by = 1; by <= 5; by++) world.ref.send({ kind: 'add', by });
      expect(await world.read()).to.equal(15);
      expect(seen()).to.deep.equal(['order tell-self done 1', 'order run done 1', 'order spin done 1', 'order throw threw 1', 'order add done 2', 'order add done 2']);
      expect(entries[2]?.tookMs).to.be.within(19, 2_000);
      // The next one begins anew.
      const next: TraceEntry[] = [];
      const stop = world.system.trace('/a', { messagesMax: 100, perS: 100, onEntry: (entry) => next.push(entry) });
      await world.read();
      await until(() => next.length === 1, 'it is seen');
      stop?.();
      await world.read();
      expect([next.length, entries.length]).to.deep.equal([1, 6]);
    });

    it('questions to it fail at once when its life ends', async () => {
      await world.start();
      const question = world.ref.ask((reply) => ({ kind: 'keep-silent', reply }), 60_000).catch((error: Error) => error.message);
      world.ref.send({ kind: 'throw' });
      expect(await question).to.match(/its life ended: error/);
    });

    it('an end by itself is an end in order, after its terminate', async () => {
      await world.start({ restart: 'transient' });
      world.ref.send({ kind: 'leave' });
      await until(() => world.lastEnd !== undefined, 'the end');
      await until(() => world.heard.length === 2, 'the last words');
      expect(world.heard).to.deep.equal(['+1', '-shutdown']);
      expect(world.lastEnd?.reason).to.equal('shutdown (done)');
    });

    it('a stop lets the message in hand be finished, and terminates', async () => {
      await world.start();
      const answer = asked((reply) => ({ kind: 'await', forMs: 50, reply }));
      await until(() => world.system.tree('/a')?.mailbox === 0, 'it is in hand');
      world.system.stop();
      expect(await answer).to.equal(0);
      await world.stop();
      expect(world.heard).to.deep.equal(['+1', '-shutdown']);
    });

    it('one that traps stops winds up by itself', async () => {
      await world.start({ argument: { trapsStop: true }, restart: 'temporary' });
      await world.read();
      world.system.requestStop('/a', { kind: 'shutdown' });
      await until(() => world.lastEnd !== undefined, 'the end');
      expect(world.heard).to.deep.equal(['+1', 'stop', '-shutdown']);
      expect(world.lastEnd?.reason).to.equal('shutdown (wound up)');
    });

    it('a terminate that takes too long is killed when its shutdown time is over', async () => {
      await world.start({ argument: { terminate: 'never' }, shutdown: 100 });
      const before = performance.now();
      await world.stop();
      expect(performance.now() - before).to.be.within(90, 3_000);
      expect(world.lastEnd?.type).to.equal('shutdown_error');
    });

    it('a terminate that throws changes nothing, and is logged', async () => {
      await world.start({ argument: { terminate: 'throw' } });
      await world.stop();
      expect(world.log.some(({ event, fields }) => event === 'terminate-failed' && fields['error'] === 'no end')).to.equal(true);
    });

    it('an init that throws fails the start with its cause', async () => {
      const failed = await world.start({ argument: { init: 'throw' } }).then(() => undefined, (error: Error) => error);
      expect(failed?.message).to.match(/RangeError: no start/);
      expect(world.lastEnd?.during).to.equal('init');
    });

    it('an init that ignores leaves no life and no thread', async () => {
      await world.start({ argument: { init: 'ignore' } });
      expect(world.system.tree('/a')?.status).to.equal('ignored');
    });

    for (const init of ['never', 'loop'] as const) {
      it(`an init that ${init === 'loop' ? 'loops' : 'never settles'} fails the start when its time is over`, async () => {
        const failed = await world.start({ argument: { init }, startTimeoutMs: 1_500 }).then(() => undefined, (error: Error) => error);
        expect(failed?.message).to.match(/init took longer than 1500 ms/);
      });
    }

    it('its state is shown, also while it works', async () => {
      await world.start();
      world.ref.send({ kind: 'add', by: 7 });
      world.ref.send({ kind: 'spin', forMs: 300 });
      await until(() => world.system.state('/a')?.shown === '{"sum":7}', 'the state');
    });

    it('a suspended one hears no mail, and a resumed one all of it', async () => {
      await world.start();
      world.system.suspend('/a', 'test');
      world.ref.send({ kind: 'add', by: 1 });
      expect(world.system.tree('/a')).to.include({ status: 'suspended', mailbox: 1 });
      world.system.resume('/a', 'test');
      expect(await world.read()).to.equal(1);
    });

    it('a message that was on its way to a life that ended by itself is a dead letter, not lost in silence', async () => {
      await world.start({ restart: 'temporary' });
      world.ref.send({ kind: 'leave-later' });
      for (let n = 0; n < 3; n++) world.ref.send({ kind: 'tick' });
      await until(() => world.lastEnd !== undefined, 'the end');
      await until(() => world.heard.includes('-shutdown'), 'the last words');
      const dead = world.system.deadLetters.latest().filter(({ reason, message }) => reason === 'ended' && message === 'tick');
      expect(dead.length + world.heard.filter((word) => word === 'tick').length).to.equal(3);
    });

    it('kept mail outlives its life', async () => {
      await world.start({ mailbox: { onRestart: 'keep' } });
      world.ref.send({ kind: 'throw' });
      world.ref.send({ kind: 'add', by: 5 });
      await world.reborn(2);
      expect(await world.read()).to.equal(5);
    });

    it('its restarts wait for their backoff, and burn the budget', async () => {
      await world.start({ backoff: { baseMs: 20, maxMs: 40, consecutiveMax: 5 } }, [], { intensity: 2 });
      for (let life = 1; life <= 2; life++) {
        world.ref.send({ kind: 'throw' });
        await until(() => world.system.events.latest('/a', 50).filter(({ type }) => type === 'crash').length === life, 'the crash');
        expect(world.lastEnd?.delayMs).to.be.closeTo(20 * life, 10);
        await world.reborn(life + 1);
      }
      world.ref.send({ kind: 'throw' });
      await until(() => world.exit !== undefined, 'the supervisor gave up');
      expect(world.exit).to.deep.equal({ kind: 'shutdown', info: 'reached_max_restart_intensity' });
    });
  });

  describe('has the whole of a context in its thread:', () => {
    it('timers, refs to others, its own ref and the log', async () => {
      await world.start();
      world.ref.send({ kind: 'timer', delayMs: 5 });
      world.ref.send({ kind: 'tell', to: world.system.ref('/a'), what: { kind: 'add', by: 2 } });
      world.ref.send({ kind: 'log' });
      await until(() => world.heard.includes('tick') && world.log.some(({ event }) => event === 'hello'), 'the timer and the log');
      expect(await world.read()).to.equal(2);
      expect(world.log.find(({ event }) => event === 'hello')).to.deep.equal({ level: 'info', event: 'hello', fields: { actor: '/a', life: 1, colour: 'blue' } });
    });

    it('it tells itself what could not cross, for that does not leave its thread', async () => {
      await world.start();
      world.ref.send({ kind: 'tell-self' });
      await until(() => world.heard.includes('ran'), 'its own message');
    });

    it('it tells itself no more than a mailbox holds', async () => {
      await world.start();
      world.ref.send({ kind: 'flood-self' });
      expect(await world.read()).to.equal(20_000);
      await until(() => world.system.tree('/a')!.processed === 10_002, 'what it told itself counts as what others tell it');
      expect(world.system.tree('/a')!.busyMs).to.be.greaterThan(1);
    });

    it('it asks actors of the main thread, and hears why when there is no answer', async () => {
      const answerer: ChildSpec = worker('b', (message) => message.reply({ n: 42 }));
      await world.start({}, [answerer, worker('silent', () => undefined), worker('spoilt', (message) => message.reply({ undo: () => 1 }))]);
      const askFrom = (path: string, timeoutMs = PATIENCE_MS): Promise<unknown> => asked((reply) => ({ kind: 'ask', whom: world.system.ref(path), timeoutMs, reply }));
      expect(await askFrom('/b')).to.deep.equal({ n: 42 });
      expect(await askFrom('/nobody')).to.equal('noproc /nobody');
      expect(await askFrom('/silent', 60)).to.equal('timeout /silent');
      expect(await askFrom('/spoilt')).to.equal('refused /spoilt');
    });

    it('it offers, and hears what became of it', async () => {
      await world.start();
      expect(await asked((reply) => ({ kind: 'offer', to: world.system.ref('/witness'), reply }))).to.equal('accepted');
      expect(world.heard).to.include('offered');
    });

    it('it passes a question on, and the answer of another reaches who asked', async () => {
      await world.start({}, [worker('b', (message) => message.reply('from b'))]);
      expect(await asked((reply) => ({ kind: 'forward', to: world.system.ref('/b'), reply }))).to.equal('from b');
    });

    it('it hears of the end of what it monitors', async () => {
      await world.start({}, [worker('b', () => undefined)]);
      world.ref.send({ kind: 'monitor', ref: world.system.ref('/b') });
      await world.read();
      world.system.kill('/b', 'test');
      await until(() => world.heard.includes('down /b'), 'the down signal');
    });

    it('it ends with what it is linked to', async () => {
      await world.start({}, [worker('b', () => undefined)]);
      world.ref.send({ kind: 'link', ref: world.system.ref('/b') });
      await world.read();
      world.system.kill('/b', 'test');
      await world.reborn(2);
    });
  });

  describe('takes what can cross to it, and refuses the rest by name:', () => {
    it('values, Buffers and refs arrive, and come back', async () => {
      await world.start();
      const value = { text: 'x', bytes: Buffer.from('hello'), when: new Date(5), map: new Map([['k', 1n]]), ref: world.system.ref('/witness') };
      const back = (await asked((reply) => ({ kind: 'echo', value, reply }))) as typeof value;
      expect(Buffer.isBuffer(back.bytes)).to.equal(true);
      expect({ ...back, ref: back.ref.path }).to.deep.equal({ ...value, ref: '/witness' });
      (back.ref as ActorRef<string>).send('hello');
      await until(() => world.heard.includes('hello'), 'the ref works');
    });

    it('a message with a function is refused where it is sent, the field is named, and the life goes on', async () => {
      await world.start();
      const spoilt = { kind: 'add', by: 1, handler: () => 1 } as ThreadOrder;
      expect(world.ref.send(spoilt)).to.equal('refused');
      expect(world.system.deadLetters.latest().at(-1)).to.include({ path: '/a', reason: 'refused' });
      expect(world.log.find(({ event }) => event === 'message-refused')?.fields['fault']).to.match(/^message\.handler is a function/);
      expect(await world.read()).to.equal(0);
      expect(world.life()).to.equal(1);
    });

    it('a question with a function fails at once with the name of the field', async () => {
      await world.start();
      const failed = await asked((reply) => ({ kind: 'echo', value: { deep: [() => 1] }, reply })).then(() => undefined, (error: Error) => error.message);
      expect(failed).to.match(/message\.value\.deep\[0\] is a function/);
    });

    it('an answer with a function fails the question with the name of the field, and the life goes on', async () => {
      await world.start();
      const failed = await asked((reply) => ({ kind: 'answer-with-function', reply })).then(() => undefined, (error: Error) => error.message);
      expect(failed).to.match(/answer\.undo is a function/);
      expect(await asked((reply) => ({ kind: 'send-function', to: world.system.ref('/witness'), reply }))).to.equal('refused');
      expect(world.life()).to.equal(1);
    });
  });
});

function worker(id: string, receive: (message: { reply: Reply<unknown> }) => void): ChildSpec {
  return { type: 'worker', id, start: () => ({ init: () => undefined, receive: (_state: undefined, message: { reply: Reply<unknown> }) => receive(message) }) };
}
