import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { PeersRequest, SessionSend } from '../../../src/actors/peers/peer-messages.ts';
import { registryActor, type RegistryMessage } from '../../../src/actors/registry/registry-actor.ts';
import type { RegistryEntryView, RegistryNews } from '../../../src/actors/registry/registry-messages.ts';
import { storageActor, type StorageMessage } from '../../../src/actors/registry/storage-actor.ts';
import type { AppendOutcome, ReplaceOutcome, StorageRequest, StoredRegistry } from '../../../src/actors/registry/storage-messages.ts';
import { systemClock } from '../../../src/clock.ts';
import { MeshError } from '../../../src/errors.ts';
import { systemRandom } from '../../../src/random.ts';
import type { ActorRef, Behavior, Reply } from '../../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../../src/supervision/child-spec.ts';
import { ActorSystem } from '../../../src/supervision/system.ts';
import { received } from './simulated-mesh.ts';

const ASK_MS = 5_000;

/** The registry's corner of a node, on a real directory. */
class Corner {
  readonly system: ActorSystem;
  readonly logged: string[] = [];
  readonly registry: ActorRef<RegistryMessage>;
  readonly storage: ActorRef<StorageMessage>;
  #ended: Promise<unknown> | undefined;

  constructor() {
    const log = { log: (_level: string, event: string) => void this.logged.push(event) };
    this.system = new ActorSystem({ clock: systemClock, random: systemRandom, log });
    this.registry = this.system.ref('/registry');
    this.storage = this.system.ref('/storage');
  }

  async start(node: string, directory: string, more: readonly ChildSpec[] = []): Promise<this> {
    const { storage } = this;
    const peers: ActorRef<PeersRequest> = this.system.ref('/peers');
    const children: ChildSpec[] = [
      ...more,
      { type: 'worker', id: 'storage', start: () => storageActor({ directory }) },
      { type: 'worker', id: 'registry', start: () => registryActor({ node, storage, peers, random: systemRandom }) },
    ];
    let ended: (reason: unknown) => void = () => undefined;
    this.#ended = new Promise((resolve) => (ended = resolve));
    await this.system.start({ type: 'supervisor', id: 'root', strategy: 'rest_for_one', children }, ended);
    return this;
  }

  async stop(): Promise<void> {
    this.system.stop();
    await this.#ended;
  }

  put(key: string, value: string): Promise<{ created: boolean } | MeshError> {
    return this.registry.ask((reply) => ({ kind: 'put', key, value, reply }), ASK_MS);
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
    return corner.start('ash', directory);
  };

  it('answers requests, and faults as values', async () => {
    await corner.start('ash', directory);
    expect(await corner.put('a', '1')).to.deep.equal({ created: true });
    expect(await corner.put('a', '2')).to.deep.equal({ created: false });
    expect(await corner.put('', '2')).to.include({ code: 'BAD_ARGUMENT' });
    const { registry } = corner;
    expect(await registry.ask((reply) => ({ kind: 'get', key: 'a', reply }), ASK_MS)).to.include({ value: '2', writer: 'ash' });
    expect(await registry.ask((reply) => ({ kind: 'get', key: 'b', reply }), ASK_MS)).to.equal(undefined);
    expect(await registry.ask((reply) => ({ kind: 'count', reply }), ASK_MS)).to.equal(1);
    expect(await registry.ask((reply) => ({ kind: 'delete', key: 'a', reply }), ASK_MS)).to.deep.equal({ deleted: true });
    expect(await registry.ask((reply) => ({ kind: 'delete', key: 'a', reply }), ASK_MS)).to.deep.equal({ deleted: false });
  });

  it('has its entries after a restart, in files that only its user may read', async () => {
    await corner.start('ash', directory);
    for (let i = 0; i < 5; i++) await corner.put(`key ${i}`, `value ${i}`);
    await restart();
    expect(await corner.list()).to.deep.equal([0, 1, 2, 3, 4].map((i) => `key ${i}=value ${i}`));
    expect(statSync(directory).mode & 0o777).to.equal(0o700);
    for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777, file).to.equal(0o600);
  });

  it('loses no more than the torn end of its log, and goes on from there', async () => {
    await corner.start('ash', directory);
    for (const key of ['a', 'b', 'c']) await corner.put(key, '1');
    await corner.stop();
    const log = join(directory, 'log');
    truncateSync(log, statSync(log).size - 3);
    corner = await new Corner().start('ash', directory);
    expect(await corner.list()).to.deep.equal(['a=1', 'b=1']);
    expect(corner.logged).to.include('log-truncated');
    await corner.put('d', '1');
    await restart();
    expect(await corner.list()).to.deep.equal(['a=1', 'b=1', 'd=1']);
  });

  it('starts without a damaged snapshot, and keeps it for people', async () => {
    await corner.start('ash', directory);
    await corner.put('a', '1');
    await corner.stop();
    writeFileSync(join(directory, 'snapshot'), 'scrambled');
    corner = await new Corner().start('ash', directory);
    expect(await corner.list()).to.deep.equal(['a=1']);
    expect(readFileSync(join(directory, 'snapshot.broken'), 'utf8')).to.equal('scrambled');
    expect(corner.logged).to.include('file-set-aside');
  });

  it('has its entries again after its actor crashed', async () => {
    await corner.start('ash', directory);
    await corner.put('a', '1');
    await corner.storage.ask((reply) => ({ kind: 'flush', reply }), ASK_MS);
    const life = corner.system.kill('/registry', 'a test');
    expect(life).to.equal(1);
    const alive = async (): Promise<string[]> => corner.list().catch(alive);
    expect(await alive()).to.deep.equal(['a=1']);
  });

  it('runs without a disk', async () => {
    writeFileSync(join(directory, '..', 'registry'), 'a file where the directory should be');
    await corner.start('ash', directory);
    expect(await corner.put('a', '1')).to.deep.equal({ created: true });
    expect(await corner.list()).to.deep.equal(['a=1']);
    expect(corner.logged).to.include('registry-not-loaded');
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
    await corner.start('ash', directory, [
      { type: 'worker', id: 'session', start: session.behavior },
      { type: 'worker', id: 'peers', start: () => peers },
    ]);
    await session.until(() => session.got.length > 0);
    await corner.put('a', '1');
    await session.until(() => session.got.some((sent) => sent.kind === 'send-registry' && sent.frame.changes));
    expect(session.got[0]).to.have.nested.property('frame.heads');

    const otherDirectory = join(directory, '..', 'other');
    const other = await new Corner().start('birch', otherDirectory, [{ type: 'worker', id: 'session', start: collector<SessionSend>().behavior }]);
    other.registry.send({ kind: 'peer-up', node: 'ash', session: other.system.ref('/session') });
    for (const sent of session.got) {
      if (sent.kind === 'send-registry') other.registry.send({ kind: 'registry-frame', node: 'ash', frame: received(sent.frame) });
    }
    expect(await other.list()).to.deep.equal(['a=1']);
    await other.stop();
  });

  it('tells a watcher what stands and what changes, until it ends', async () => {
    const watcher = collector<RegistryNews>();
    await corner.start('ash', directory, [{ type: 'worker', id: 'watcher', restart: 'temporary', start: watcher.behavior }]);
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
    const view = await corner.registry.ask((reply) => ({ kind: 'count', reply }), ASK_MS);
    expect([view, watcher.got.length]).to.deep.equal([4, 3]);
  });
});

describe('storage of the registry', () => {
  let directory: string;
  let system: ActorSystem;
  let storage: ActorRef<StorageRequest>;
  let ended: Promise<unknown>;
  const logged: string[] = [];

  beforeEach(async () => {
    logged.length = 0;
    directory = join(mkdtempSync(join(tmpdir(), 'registry-')), 'registry');
    system = new ActorSystem({ clock: systemClock, random: systemRandom, log: { log: (_level, event) => void logged.push(event) } });
    storage = system.ref('/storage');
    let end: (reason: unknown) => void = () => undefined;
    ended = new Promise((resolve) => (end = resolve));
    const child: ChildSpec = { type: 'worker', id: 'storage', start: () => storageActor({ directory }) };
    await system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [child] }, end);
  });

  afterEach(async () => {
    system.stop();
    await ended;
    rmSync(join(directory, '..'), { recursive: true, force: true });
  });

  const load = (): Promise<StoredRegistry | MeshError> => storage.ask((reply: Reply<StoredRegistry | MeshError>) => ({ kind: 'load', reply }), ASK_MS);
  const append = (...words: string[]): Promise<AppendOutcome> =>
    storage.ask((reply: Reply<AppendOutcome>) => ({ kind: 'append', changes: words.map((word) => Buffer.from(word)), reply }), ASK_MS);
  const replace = (word: string): Promise<ReplaceOutcome> =>
    storage.ask((reply: Reply<ReplaceOutcome>) => ({ kind: 'replace', snapshot: Buffer.from(word), reply }), ASK_MS);
  const words = async (): Promise<unknown> => {
    const stored = await load();
    if (stored instanceof MeshError) return stored.code;
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
    return [stored.snapshot && text(stored.snapshot), ...stored.changes.map(text)];
  };

  it('writes nothing before what is there has been read', async () => {
    expect(await append('early')).to.equal('lost');
    expect(await replace('early')).to.equal('failed');
    expect(existsSync(directory)).to.equal(false);
  });

  it('gives back what was appended since the last snapshot', async () => {
    expect(await words()).to.deep.equal([undefined]);
    expect(await Promise.all([append('one', 'two'), append('three')])).to.deep.equal(['kept', 'kept']);
    expect(await words()).to.deep.equal([undefined, 'one', 'two', 'three']);
    expect(await replace('all')).to.equal('replaced');
    expect(await append('four')).to.equal('kept');
    expect(await words()).to.deep.equal(['all', 'four']);
    expect(readdirSync(directory).toSorted()).to.deep.equal(['log', 'snapshot']);
  });

  it('says what was lost, and is whole again after a snapshot', async () => {
    await words();
    expect(await append('one')).to.equal('kept');
    rmSync(directory, { recursive: true });
    expect(await append('two')).to.equal('lost');
    expect(await append('three'), 'nothing is written behind a gap').to.equal('lost');
    expect(await replace('all')).to.equal('failed');
    expect(logged).to.include.members(['append-failed', 'replace-failed']);
    expect(await words(), 'the directory is made again').to.deep.equal([undefined]);
    expect(await replace('all')).to.equal('replaced');
    expect(await append('four')).to.equal('kept');
    expect(await words()).to.deep.equal(['all', 'four']);
  });

  it('says when the directory cannot be used, and can be asked again', async () => {
    writeFileSync(directory, 'a file');
    expect(await words()).to.equal('DATA_DIR_UNUSABLE');
    rmSync(directory);
    expect(await words()).to.deep.equal([undefined]);
  });

  it('leaves the old snapshot when a crash came between writing the new one and putting it in place', async () => {
    await words();
    await replace('old');
    await append('since');
    writeFileSync(join(directory, 'snapshot.tmp'), 'half of the ne');
    expect(await words()).to.deep.equal(['old', 'since']);
  });

  it('sets a snapshot aside that the registry could not use', async () => {
    await words();
    await replace('unusable');
    storage.send({ kind: 'set-aside' });
    expect(await words()).to.deep.equal([undefined]);
    expect(existsSync(join(directory, 'snapshot.broken'))).to.equal(true);
  });

  it('sets a log aside that is none of its own', async () => {
    await words();
    writeFileSync(join(directory, 'log'), 'someone else’s notes');
    chmodSync(join(directory, 'log'), 0o644);
    expect(await words()).to.deep.equal([undefined]);
    expect(readFileSync(join(directory, 'log.broken'), 'utf8')).to.equal('someone else’s notes');
    expect(await append('one')).to.equal('kept');
    expect(await words()).to.deep.equal([undefined, 'one']);
  });
});
