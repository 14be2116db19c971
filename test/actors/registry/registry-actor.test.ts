import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { PeersRequest, SessionSend } from '../../../src/actors/peers/peer-messages.ts';
import { registryActor, type RegistryMessage } from '../../../src/actors/registry/registry-actor.ts';
import type { RegistryEntryView, RegistryNews, RegistryStatus } from '../../../src/actors/registry/registry-messages.ts';
import { storageActor, type StoredFiles } from '../../../src/actors/registry/storage-actor.ts';
import type { StorageRequest } from '../../../src/actors/registry/storage-messages.ts';
import { systemClock } from '../../../src/clock.ts';
import { RegistryFiles } from '../../../src/data-dir/registry-files.ts';
import { MeshError } from '../../../src/errors.ts';
import { systemRandom } from '../../../src/random.ts';
import type { ActorRef, Behavior } from '../../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../../src/supervision/child-spec.ts';
import { ActorSystem } from '../../../src/supervision/system.ts';
import { received } from './simulated-mesh.ts';

const ASK_MS = 5_000;

/** The registry's corner of a node, on a real directory. */
class Corner {
  readonly system: ActorSystem;
  readonly logged: string[] = [];
  readonly registry: ActorRef<RegistryMessage>;
  readonly storage: ActorRef<StorageRequest>;
  #ended: Promise<unknown> | undefined;

  constructor() {
    const log = { log: (_level: string, event: string) => void this.logged.push(event) };
    this.system = new ActorSystem({ clock: systemClock, random: systemRandom, log });
    this.registry = this.system.ref('/registry');
    this.storage = this.system.ref('/storage');
  }

  async start(node: string, files: StoredFiles, more: readonly ChildSpec[] = []): Promise<this> {
    const { storage } = this;
    const peers: ActorRef<PeersRequest> = this.system.ref('/peers');
    const children: ChildSpec[] = [
      ...more,
      { type: 'worker', id: 'storage', start: () => storageActor(files) },
      { type: 'worker', id: 'registry', start: () => registryActor({ node, storage, peers, random: systemRandom }) },
    ];
    let ended: (reason: unknown) => void = () => undefined;
    this.#ended = new Promise((resolve) => (ended = resolve));
    await this.system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children }, ended);
    return this;
  }

  async stop(): Promise<void> {
    this.system.stop();
    await this.#ended;
  }

  put(key: string, value: string): Promise<{ created: boolean } | MeshError> {
    return this.registry.ask((reply) => ({ kind: 'put', key, value, reply }), ASK_MS);
  }

  status(): Promise<RegistryStatus> {
    return this.registry.ask((reply) => ({ kind: 'status', reply }), ASK_MS);
  }

  async list(): Promise<string[]> {
    const entries = await this.registry.ask<readonly RegistryEntryView[]>((reply) => ({ kind: 'list', prefix: '', reply }), ASK_MS);
    return entries.map(({ key, value }) => `${key}=${value}`);
  }
}

/** Collects what it is sent and lets a test wait for it. */
function collector<M>(): { readonly behavior: () => Behavior<null, M>; readonly got: M[]; until(test: () => boolean): Promise<void> } {
  const got: M[] = [];
  let look: () => void = () => undefined;
  return {
    got,
    behavior: () => ({
      init: () => null,
      receive(state, message) {
        got.push(message);
        look();
        return state;
      },
    }),
    until: (test) =>
      new Promise((resolve) => {
        look = () => (test() ? resolve() : undefined);
        look();
      }),
  };
}

/** A disk of which some acts are somebody else's. */
function watched(files: RegistryFiles, acts: Partial<StoredFiles>): StoredFiles {
  return { load: () => files.load(), append: (changes) => files.append(changes), replace: (snapshot) => files.replace(snapshot), setAside: () => files.setAside(), ...acts };
}

/** Acts that wait until they are let go. */
function collected(): { next(act: () => Promise<void>): Promise<void>; until(count: number): Promise<void>; letAll(): void } {
  let letAll: () => void = () => undefined;
  const free = new Promise<void>((resolve) => (letAll = resolve));
  let begun = 0;
  let look: () => void = () => undefined;
  return {
    next: (act) => {
      begun++;
      look();
      return free.then(act);
    },
    until: (count) =>
      new Promise((resolve) => {
        look = () => (begun >= count ? resolve() : undefined);
        look();
      }),
    letAll,
  };
}

describe('the registry of a node', () => {
  let directory: string;
  let corner: Corner;

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'registry-')), 'registry');
    corner = new Corner();
  });

  afterEach(async () => {
    await corner.stop();
    rmSync(join(directory, '..'), { recursive: true, force: true });
  });

  const restart = async (): Promise<Corner> => {
    await corner.stop();
    corner = new Corner();
    return corner.start('ash', new RegistryFiles(directory));
  };

  it('answers requests, and faults as values', async () => {
    await corner.start('ash', new RegistryFiles(directory));
    expect(await corner.put('a', '1')).to.deep.equal({ created: true });
    expect(await corner.put('a', '2')).to.deep.equal({ created: false });
    expect(await corner.put('', '2')).to.include({ code: 'BAD_ARGUMENT' });
    const { registry } = corner;
    expect(await registry.ask((reply) => ({ kind: 'get', key: 'a', reply }), ASK_MS)).to.include({ value: '2', writer: 'ash' });
    expect(await registry.ask((reply) => ({ kind: 'get', key: 'b', reply }), ASK_MS)).to.equal(undefined);
    expect(await corner.status()).to.deep.equal({ entries: 1, notSaved: undefined });
    expect(await registry.ask((reply) => ({ kind: 'delete', key: 'a', reply }), ASK_MS)).to.deep.equal({ deleted: true });
    expect(await registry.ask((reply) => ({ kind: 'delete', key: 'a', reply }), ASK_MS)).to.deep.equal({ deleted: false });
  });

  it('has its entries after a restart', async () => {
    await corner.start('ash', new RegistryFiles(directory));
    for (let i = 0; i < 5; i++) await corner.put(`key ${i}`, `value ${i}`);
    await restart();
    expect(await corner.list()).to.deep.equal([0, 1, 2, 3, 4].map((i) => `key ${i}=value ${i}`));
  });

  it('loses no more than the torn end of its log, and goes on from there', async () => {
    await corner.start('ash', new RegistryFiles(directory));
    for (const key of ['a', 'b', 'c']) await corner.put(key, '1');
    await corner.stop();
    const log = join(directory, 'log');
    truncateSync(log, statSync(log).size - 3);
    corner = await new Corner().start('ash', new RegistryFiles(directory));
    expect(await corner.list()).to.deep.equal(['a=1', 'b=1']);
    expect(corner.logged).to.include('torn-write-dropped');
    await corner.put('d', '1');
    await restart();
    expect(await corner.list()).to.deep.equal(['a=1', 'b=1', 'd=1']);
  });

  it('starts without a damaged snapshot, and keeps it for people', async () => {
    await corner.start('ash', new RegistryFiles(directory));
    await corner.put('a', '1');
    await corner.stop();
    writeFileSync(join(directory, 'snapshot'), 'scrambled');
    corner = await new Corner().start('ash', new RegistryFiles(directory));
    expect(await corner.list()).to.deep.equal(['a=1']);
    expect(readFileSync(join(directory, 'snapshot.broken'), 'utf8')).to.equal('scrambled');
    expect(corner.logged).to.include('registry-damaged');
  });

  it('keeps a log that was damaged in its middle for people, and starts with what could be read', async () => {
    await corner.start('ash', new RegistryFiles(directory));
    for (const key of ['a', 'b', 'c']) await corner.put(key, '1');
    await corner.stop();
    const damaged = readFileSync(join(directory, 'log'));
    damaged[damaged.length >> 1]! ^= 4;
    writeFileSync(join(directory, 'log'), damaged);
    corner = await new Corner().start('ash', new RegistryFiles(directory));
    expect(await corner.list()).to.deep.equal(['a=1']);
    expect(corner.logged).to.include('registry-damaged');
    expect(await corner.put('d', '1')).to.deep.equal({ created: true });
    await restart();
    expect(await corner.list()).to.deep.equal(['a=1', 'd=1']);
    expect(readFileSync(join(directory, 'log.broken')).equals(damaged)).to.equal(true);
  });

  it('answers a write when it is on disk: whoever reads the files then finds it', async () => {
    await corner.start('ash', new RegistryFiles(directory));
    for (let i = 0; i < 10; i++) {
      expect(await corner.put(`key ${i}`, '1')).to.deep.equal({ created: true });
      expect((await new RegistryFiles(directory).load()).changes).to.have.length(i + 1);
    }
    await corner.registry.ask((reply) => ({ kind: 'delete', key: 'key 3', reply }), ASK_MS);
    expect((await new RegistryFiles(directory).load()).changes).to.have.length(11);
  });

  it('commits writes that come together with a few writes to the disk', async () => {
    const files = new RegistryFiles(directory);
    const commits: number[] = [];
    await corner.start('ash', watched(files, { append: (changes) => (commits.push(changes.length), files.append(changes)) }));
    await Promise.all(Array.from({ length: 200 }, (_, i) => corner.put(`key ${i}`, '1')));
    expect(commits.reduce((sum, count) => sum + count, 0)).to.equal(200);
    expect(commits.length).to.be.lessThan(20);
  });

  it('answers a write that storage died over when its next life has saved it', async () => {
    const files = new RegistryFiles(directory);
    const writes = collected();
    await corner.start('ash', watched(files, { append: (changes) => writes.next(() => files.append(changes)) }));
    const answer = corner.put('a', '1');
    await writes.until(1);
    corner.system.kill('/storage', 'a test');
    await writes.until(2);
    writes.letAll();
    expect(await answer).to.deep.equal({ created: true });
    await restart();
    expect(await corner.list()).to.deep.equal(['a=1']);
  });

  it('says that a write was not saved, refuses the next, and takes writes again when the disk does', async () => {
    const files = new RegistryFiles(directory);
    let isFull = true;
    const full = (): Promise<never> => Promise.reject(new MeshError('DATA_DIR_UNUSABLE', 'no space left on device', { todo: 'make room' }));
    const disk = watched(files, { append: (changes) => (isFull ? full() : files.append(changes)), replace: (snapshot) => (isFull ? full() : files.replace(snapshot)) });
    await corner.start('ash', disk);
    expect(await corner.put('a', '1')).to.include({
      code: 'DATA_DIR_UNUSABLE',
      message: 'changed in memory and told to peers, but not saved: no space left on device',
      todo: 'make room; the node tries again every 10 s',
    });
    expect(await corner.put('b', '1')).to.include({ message: 'not changed, because it could not be saved: no space left on device' });
    expect(await corner.list()).to.deep.equal(['a=1']);
    expect((await corner.status()).notSaved).to.include({ reason: 'no space left on device' });
    expect(corner.logged.filter((event) => event === 'registry-not-saved')).to.have.length(1);
    isFull = false;
    corner.registry.send({ kind: 'persist', input: { kind: 'save-due' } });
    while ((await corner.status()).notSaved !== undefined) await corner.list();
    expect(corner.logged).to.include('registry-saved-again');
    expect(await corner.put('b', '1')).to.deep.equal({ created: true });
    await restart();
    expect(await corner.list()).to.deep.equal(['a=1', 'b=1']);
  });

  it('saves what nobody waited for before it stops', async () => {
    await corner.start('ash', new RegistryFiles(directory), [{ type: 'worker', id: 'session', start: collector<SessionSend>().behavior }]);
    const other = await new Corner().start('birch', new RegistryFiles(join(directory, '..', 'other')));
    await other.put('a', '1');
    await other.stop();
    const { changes } = await new RegistryFiles(join(directory, '..', 'other')).load();
    corner.registry.send({ kind: 'peer-up', node: 'birch', session: corner.system.ref('/session') });
    corner.registry.send({ kind: 'registry-frame', node: 'birch', frame: received({ changes: { changes: [...changes] } }) });
    expect(await corner.list()).to.deep.equal(['a=1']);
    await restart();
    expect(await corner.list()).to.deep.equal(['a=1']);
  });

  it('has its entries again after its actor crashed', async () => {
    await corner.start('ash', new RegistryFiles(directory));
    await corner.put('a', '1');
    const life = corner.system.kill('/registry', 'a test');
    expect(life).to.equal(1);
    const alive = async (): Promise<string[]> => corner.list().catch(alive);
    expect(await alive()).to.deep.equal(['a=1']);
  });

  it('runs without a disk that can be read, and says so', async () => {
    writeFileSync(join(directory, '..', 'registry'), 'a file where the directory should be');
    await corner.start('ash', new RegistryFiles(directory));
    expect(await corner.put('a', '1')).to.include({ code: 'DATA_DIR_UNUSABLE' });
    expect(await corner.list()).to.deep.equal([]);
    expect((await corner.status()).notSaved?.reason).to.include('not a directory');
    expect(corner.logged).to.include('registry-not-saved');
    expect(corner.system.tree('/storage')?.life).to.equal(1);
  });

  it('takes part in the mesh through its sessions, those included that were open before it started', async () => {
    const session = collector<SessionSend>();
    const peers: Behavior<null, PeersRequest> = {
      init: () => null,
      receive(state, message) {
        const open: ActorRef<SessionSend> = corner.system.ref('/session');
        if (message.kind === 'open-peers') message.reply([{ kind: 'peer-up', node: 'birch', session: open }]);
        return state;
      },
    };
    await corner.start('ash', new RegistryFiles(directory), [
      { type: 'worker', id: 'session', start: session.behavior },
      { type: 'worker', id: 'peers', start: () => peers },
    ]);
    await session.until(() => session.got.length > 0);
    await corner.put('a', '1');
    await session.until(() => session.got.some((sent) => sent.kind === 'send-registry' && sent.frame.changes));
    expect(session.got[0]).to.have.nested.property('frame.heads');

    const otherDirectory = join(directory, '..', 'other');
    const other = await new Corner().start('birch', new RegistryFiles(otherDirectory), [{ type: 'worker', id: 'session', start: collector<SessionSend>().behavior }]);
    other.registry.send({ kind: 'peer-up', node: 'ash', session: other.system.ref('/session') });
    for (const sent of session.got) {
      if (sent.kind === 'send-registry') other.registry.send({ kind: 'registry-frame', node: 'ash', frame: received(sent.frame) });
    }
    expect(await other.list()).to.deep.equal(['a=1']);
    await other.stop();
  });

  it('tells a watcher what stands and what changes, until it ends', async () => {
    const watcher = collector<RegistryNews>();
    await corner.start('ash', new RegistryFiles(directory), [{ type: 'worker', id: 'watcher', restart: 'temporary', start: watcher.behavior }]);
    await corner.put('a/1', 'x');
    const answer = await corner.registry.ask<'watching' | MeshError>(
      (reply) => ({ kind: 'watch', watch: 'w', prefix: 'a/', subscriber: corner.system.ref('/watcher'), reply }),
      ASK_MS,
    );
    expect(answer).to.equal('watching');
    await corner.put('b/1', 'x');
    await corner.put('a/2', 'y');
    await watcher.until(() => watcher.got.length >= 3);
    expect(watcher.got.map(({ change }) => (change.type === 'put' ? change.entry.key : change.type))).to.deep.equal(['a/1', 'synced', 'a/2']);
    corner.system.kill('/watcher', 'a test');
    await corner.put('a/3', 'z');
    expect([(await corner.status()).entries, watcher.got.length]).to.deep.equal([4, 3]);
  });
});
