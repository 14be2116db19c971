import { expect } from 'chai';
import type { WorkloadsRequest, WorkloadView } from '../../../src/actors/workloads/workload-messages.ts';
import { workloadsActor, type WorkloadsMessage } from '../../../src/actors/workloads/workloads-actor.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import type { Reply } from '../../../src/supervision/behavior.ts';
import type { WorkloadStream } from '../../../src/transport/workload-service.ts';
import { makeAuthority, type Authority } from '../../../src/trust/authority.ts';
import { holdIdentity, type HeldIdentity, type Identity } from '../../../src/trust/identity-source.ts';
import { issueOwn } from '../../../src/trust/own-identity.ts';
import { formatSpiffeId, type SpiffeId } from '../../../src/trust/spiffe-id.ts';
import type { WorkloadEntry } from '../../../src/trust/workload-entry.ts';
import { startWorld, type ActorWorld } from '../../support/actor-world.ts';

const HOUR = 3_600_000;

/** What a program hears. */
class Program implements WorkloadStream {
  readonly heard: Identity[] = [];
  fault: MeshError | undefined;
  #closed = (): void => undefined;
  send(identity: Identity): void {
    this.heard.push(identity);
  }
  close(fault: MeshError): void {
    this.fault = fault;
    this.#closed();
  }
  onClosed(listener: () => void): void {
    this.#closed = listener;
  }
  leave(): void {
    this.#closed();
  }
}

describe('the workloads of a node', () => {
  let authority: Authority;
  let node: Identity;
  let made: Identity[];
  let held: HeldIdentity;
  let world: ActorWorld;
  let kept: readonly WorkloadEntry[];
  let isDiskFull: boolean;
  let socketFault: MeshError | undefined;
  let banned: SpiffeId | undefined;
  let evictedAtMs: number;
  let tellBans: () => void;
  /** By the path of their sockets. */
  let sockets: Map<string, (stream: WorkloadStream) => void>;
  before(async () => {
    authority = await makeAuthority('omega.test', 0);
    node = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: 0 });
    made = await Promise.all([0, 0.5 * HOUR, HOUR].map((nowMs) => issueOwn(authority, { kind: 'workload', name: 'n1/web', nowMs })));
  });
  beforeEach(async () => {
    held = holdIdentity(node);
    [kept, isDiskFull, socketFault, banned, evictedAtMs, tellBans] = [[], false, undefined, undefined, -Infinity, () => undefined];
    sockets = new Map();
    await start();
  });
  afterEach(() => world.stop());

  async function start(): Promise<void> {
    world = await startWorld({ strategy: 'rest_for_one', children: [{ type: 'supervisor', id: 'sockets', strategy: 'dynamic' }] });
    const list = () =>
      workloadsActor({
        self: node.svid.id,
        issuer: 'fabric',
        socketDir: '/d',
        sockets: world.supervisor('/sockets'),
        file: {
          load: () => kept,
          save: (entries) => {
            if (isDiskFull) throw new MeshError('DATA_DIR_UNUSABLE', 'the disk is full');
            kept = entries;
          },
        },
        world: {
          issue: () => Promise.resolve(made.findLast(({ svid }) => svid.notBeforeMs + 60_000 <= world.clock.wallNow())!),
          node: held,
          refusal: (id, notBeforeMs) => ((banned !== undefined && formatSpiffeId(banned) === formatSpiffeId(id)) || notBeforeMs + 60_000 <= evictedAtMs ? new MeshError('BANNED', 'it was banned') : undefined),
          onBans: (heard) => {
            tellBans = heard;
            return () => undefined;
          },
          openSocket: ({ socket }, onStream) => {
            if (socketFault !== undefined) return Promise.reject(socketFault);
            sockets.set(socket, onStream);
            return Promise.resolve({ address: socket, close: () => Promise.resolve(void sockets.delete(socket)) });
          },
          random: seededRandom(1),
        },
      });
    await world.outcome(world.supervisor().ask((reply) => ({ kind: 'start-child', spec: { type: 'worker', id: 'list', start: list }, reply }), 5_000));
  }
  const ask = <R>(make: (reply: Reply<R>) => WorkloadsRequest): Promise<R> => world.outcome(world.ref<WorkloadsMessage>('/list').ask(make, 20_000));
  const add = (identity: string): Promise<WorkloadView | MeshError> => ask((reply) => ({ kind: 'add', identity, socket: undefined, group: undefined, reply }));
  const list = (): Promise<readonly WorkloadView[]> => ask((reply) => ({ kind: 'list', reply }));
  const open = (socket = '/d/web.sock'): Program => {
    const program = new Program();
    sockets.get(socket)!(program);
    return program;
  };

  it('serves one that is added, keeps it, and tells it of every new identity', async () => {
    expect(await add('web')).to.have.nested.property('entry.socket', '/d/web.sock');
    expect(kept.map(({ id }) => formatSpiffeId(id))).to.deep.equal(['spiffe://omega.test/workload/n1/web']);
    const program = open();
    await world.settle();
    expect(program.heard).to.deep.equal([made[0]]);
    await world.advance(0.56 * HOUR);
    expect(program.heard).to.deep.equal([made[0], made[1]]);
    expect((await list())[0]!.status).to.deep.include({ streams: 1, serial: made[1]!.svid.serial, fault: undefined });
    program.leave();
    await world.settle();
    expect((await list())[0]!.status.streams).to.equal(0);
  });

  it('serves those that were kept when it starts', async () => {
    await add('web');
    world.system.kill('/list', 'a test');
    await world.advance(6_000);
    expect((await list()).map(({ entry, status }) => [entry.socket, status.serial])).to.deep.equal([['/d/web.sock', made[0]!.svid.serial]]);
    await world.stop();
    sockets.clear();
    await start();
    await world.settle();
    expect([...sockets.keys()]).to.deep.equal(['/d/web.sock']);
  });

  it('ends the streams of one that is banned, and serves it again when that is over', async () => {
    await add('web');
    const program = open();
    await world.settle();
    banned = made[0]!.svid.id;
    tellBans();
    await world.settle();
    expect(program.fault?.code).to.equal('BANNED');
    const late = open();
    await world.advance(5_000);
    expect(late).to.deep.include({ heard: [], fault: late.fault }).and.to.have.nested.property('fault.code', 'BANNED');
    banned = undefined;
    tellBans();
    await world.settle();
    const again = open();
    await world.settle();
    expect(again.heard.length).to.equal(1);
  });

  it('gives one that is evicted nothing that could be of before, and then another', async () => {
    await add('web');
    const program = open();
    await world.settle();
    await world.advance(0.45 * HOUR);
    evictedAtMs = world.clock.wallNow() + 5_000;
    tellBans();
    await world.advance(4_000);
    expect(program.fault?.code).to.equal('BANNED');
    expect((await list())[0]!.status).to.include({ serial: undefined });
    await world.advance(0.1 * HOUR);
    expect((await list())[0]!.status.serial).to.equal(made[1]!.svid.serial);
  });

  it('goes on after a crash of the socket’s actor, whose streams hear to try again', async () => {
    await add('web');
    const program = open();
    await world.settle();
    world.system.kill('/sockets/web', 'a test');
    await world.advance(1_000);
    expect(program.fault?.code).to.equal('NODE_UNREACHABLE');
    const again = open();
    await world.settle();
    expect(again.heard.length).to.equal(1);
  });

  it('serves one no more that is removed', async () => {
    await add('web');
    const program = open();
    await world.settle();
    expect(await ask((reply) => ({ kind: 'remove', identity: 'web', reply }))).to.have.nested.property('entry.socket', '/d/web.sock');
    expect(program.fault?.code).to.equal('NODE_UNREACHABLE');
    await world.advance(60_000);
    expect([kept, [...sockets.keys()], await list()]).to.deep.equal([[], [], []]);
  });

  it('does not keep one whose socket cannot be had, nor begin with one that cannot be kept', async () => {
    socketFault = new MeshError('ALREADY_RUNNING', 'a node listens there', { todo: 'choose another --socket' });
    expect(await add('web')).to.include({ code: 'ALREADY_RUNNING', message: 'a node listens there', todo: 'choose another --socket' });
    expect([kept, await list()]).to.deep.equal([[], []]);
    [socketFault, isDiskFull] = [undefined, true];
    expect(await add('web')).to.include({ code: 'DATA_DIR_UNUSABLE' });
    expect([[...sockets.keys()], await list()]).to.deep.equal([[], []]);
    isDiskFull = false;
    expect(await add('web')).to.have.property('entry');
  });

  it('tries again for a socket that could not be had at the start', async () => {
    await add('web');
    await world.stop();
    sockets.clear();
    socketFault = new MeshError('DATA_DIR_UNUSABLE', 'there is no such directory');
    await start();
    await world.settle();
    expect(world.log.map(({ event }) => event)).to.include('workload-not-served');
    socketFault = undefined;
    await world.advance(30_000);
    expect([...sockets.keys()]).to.deep.equal(['/d/web.sock']);
  });
});
