/** What a node's process ends with, cause by cause. That a stalled loop ends it with 73 is the watchdog's promise. */
import { expect } from 'chai';
import { VirtualClock } from '../src/clock.ts';
import { MeshError } from '../src/errors.ts';
import { NodeProcess } from '../src/node-process.ts';
import type { NodeEnd } from '../src/node-process.ts';
import { seededRandom } from '../src/random.ts';
import type { ChildSpec } from '../src/supervision/child-spec.ts';
import { ActorSystem } from '../src/supervision/system.ts';
import { attributed } from './supervision/attributed.ts';
import { crash, hang, puppet, supervisor } from './supervision/puppet.ts';

class Run {
  readonly clock = new VirtualClock();
  readonly said: string[] = [];
  readonly system: ActorSystem;
  readonly node: NodeProcess;
  end: NodeEnd | undefined;

  constructor() {
    const log = { log: (_level: string, event: string, fields: object = {}) => void this.said.push(`${event} ${JSON.stringify(fields)}`) };
    this.system = new ActorSystem({ clock: this.clock, random: seededRandom(1), log });
    this.node = new NodeProcess(this.system, log, this.clock);
    void this.node.done.then((end) => (this.end = end));
  }

  async start(children: readonly ChildSpec[]): Promise<unknown> {
    const failure = await this.node.start(supervisor('root', 'one_for_one', children, { intensity: 0 })).catch((error: unknown) => error);
    await this.settle();
    return failure;
  }

  /** Far more turns of the loop than a crash or a stop of these trees takes. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => void setImmediate(resolve));
  }
}

describe('the process of a node ends', () => {
  let run: Run;
  beforeEach(() => void (run = new Run()));

  it('with 0 when it was asked to, however often, and says nothing of why', () =>
    attributed(async () => {
      await run.start([puppet('a')]);
      run.node.stop();
      run.node.stop();
      await run.settle();
      expect(run.end).to.deep.equal({ exitCode: 0 });
    }));

  it('with 70 when the root gives up, and names the actor that failed once too often and how', () =>
    attributed(async () => {
      await run.start([puppet('a')]);
      run.system.ref('/a').send(crash);
      await run.settle();
      expect(run.end).to.deep.equal({ exitCode: 70, why: 'the node gave up: /a failed more often than its supervisor allows, at last with: boom' });
    }));

  it('with 70 when the root itself is killed', () =>
    attributed(async () => {
      await run.start([puppet('a')]);
      run.system.kill('/', 'operator');
      await run.settle();
      expect(run.end).to.deep.equal({ exitCode: 70, why: 'the node gave up: killed by operator' });
    }));

  it('with 70 over a failure of none of its actors, in good order', () =>
    attributed(async () => {
      const trace: string[] = [];
      await run.start([puppet('a', { trace })]);
      void Promise.reject(new Error('nobody’s'));
      await run.settle();
      expect(trace).to.deep.equal(['+a', '-a']);
      expect(run.end).to.deep.equal({ exitCode: 70, why: 'the node stopped over a failure that belongs to none of its actors: Error: nobody’s' });
    }));

  it('with 71 when a child cannot start, and names the child and the cause', () =>
    attributed(async () => {
      const failure = await run.start([puppet('a'), puppet('b', { init: crash })]);
      expect(run.end?.exitCode).to.equal(71);
      expect(run.end?.why).to.match(/\/b could not start ← boom/);
      expect(String(failure)).to.match(/StartError/);
    }));

  it('with 71 when a listener cannot open, and gives its fault as it was', () =>
    attributed(async () => {
      const fault = new MeshError('PORT_IN_USE', 'taken', { given: '1', todo: 'wait' });
      const failure = await run.start([puppet('edge', { init: () => Promise.reject(fault) })]);
      expect(run.end?.exitCode).to.equal(71);
      expect(failure).to.be.instanceOf(MeshError).and.deep.include({ code: 'PORT_IN_USE', message: 'taken', given: '1', todo: 'wait', stack: fault.stack });
    }));

  it('with 72 when it does not stop in its time, and lists exactly who holds it up', () =>
    attributed(async () => {
      const stuck = (id: string): ChildSpec => puppet(id, { terminate: hang as never, shutdown: 'infinity' });
      const rooms = [puppet('waits'), supervisor('room', 'one_for_one', [puppet('later'), stuck('slow')]), supervisor('guests', 'one_for_one', [puppet('quick')])];
      await run.start(rooms);
      run.node.stop();
      await run.settle();
      run.clock.advance(19_999);
      await run.settle();
      expect(run.end).to.equal(undefined);
      run.clock.advance(1);
      await run.settle();
      expect(run.end).to.deep.equal({ exitCode: 72, why: 'the node did not stop within 20 s: /room/slow did not end' });
      expect(run.said.at(-1)).to.equal('shutdown-deadline {"afterMs":20000,"stuck":["/room/slow"]}');
    }));
});
