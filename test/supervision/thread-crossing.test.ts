import { expect } from 'chai';
import { AskTable } from '../../src/supervision/asks.ts';
import type { ActorRef, Reply } from '../../src/supervision/behavior.ts';
import { decode, encode, moved, survey } from '../../src/supervision/thread/crossing.ts';
import type { Crossing } from '../../src/supervision/thread/crossing.ts';
import { VirtualClock } from '../../src/clock.ts';
import { MeshError } from '../../src/errors.ts';

function ref(path: string): ActorRef<unknown> {
  return { path, send: () => 'accepted', offer: () => Promise.resolve('accepted'), ask: () => Promise.reject(new Error('nobody')) };
}

/** A reply that an ask made. */
function realReply(): Reply<unknown> {
  let made: Reply<unknown> = () => undefined;
  const table = new AskTable(new VirtualClock(), () => undefined);
  table.ask('/a', (reply) => (made = reply), 1_000, () => 'accepted').catch(() => undefined);
  return made;
}

/** Across a structured clone and back; refs come out as `@path`, replies as `reply N`. */
function across(value: unknown): unknown {
  let replies = 0;
  const surveyed = survey(value, 'message');
  expect(surveyed.fault).to.equal(undefined);
  const { crossing, transfer } = encode(value, surveyed, () => ({ origin: 'main', id: ++replies }));
  const arrived: Crossing = structuredClone(crossing, { transfer: [...transfer] });
  return decode(arrived, { ref: (path) => `@${path}` as never, reply: ({ id }) => `reply ${id}` as never });
}

function faultOf(value: unknown): string | undefined {
  return survey(value, 'message').fault;
}

class Session {
  readonly #secret = 1;
  get secret(): number {
    return this.#secret;
  }
}

describe('what crosses to another thread', () => {
  it('is data of every kind that a structured clone knows, as it was', () => {
    const shared = { a: 1 };
    const value = { n: 1, s: 'x', b: true, u: undefined, z: null, big: 7n, d: new Date(5), re: /x/g, list: [1, [2]], map: new Map([['k', new Set([1])]]), bytes: new Uint8Array([1, 2]), shared, again: shared };
    const arrived = across(value) as typeof value;
    expect(arrived).to.deep.equal(value);
    expect(arrived.shared).to.equal(arrived.again);
  });

  it('is a ref as its address and the reply of an ask as its number, wherever they stand', () => {
    const reply = realReply();
    expect(across({ to: ref('/a'), list: [ref('/b')], map: new Map([['c', ref('/c')]]), set: new Set([ref('/d')]), reply })).to.deep.equal({
      to: '@/a',
      list: ['@/b'],
      map: new Map([['c', '@/c']]),
      set: new Set(['@/d']),
      reply: 'reply 1',
    });
    expect(across(ref('/a'))).to.equal('@/a');
  });

  it('is a Buffer as a Buffer, and only its own bytes of the pool', () => {
    const text = Buffer.from('hello');
    const { bytes } = across({ bytes: text, to: ref('/a') }) as { bytes: Buffer };
    expect(Buffer.isBuffer(bytes)).to.equal(true);
    expect(bytes.toString()).to.equal('hello');
    expect(bytes.buffer.byteLength).to.equal(5);
    expect(text.toString()).to.equal('hello');
  });

  it('is an error with its name, message, stack and cause', () => {
    const error = new TypeError('outer', { cause: new RangeError('inner') });
    const arrived = across({ error }) as { error: TypeError };
    expect(arrived.error).to.be.instanceOf(TypeError);
    expect(arrived.error.stack).to.equal(error.stack);
    expect((arrived.error.cause as Error).message).to.equal('inner');
  });

  it('is a MeshError with its code and all that it says', () => {
    const error = new MeshError('PORT_IN_USE', 'in use', { given: '1', expected: 'another', todo: 'wait', cause: new RangeError('inner') });
    const arrived = across({ error }) as { error: MeshError };
    expect(arrived.error).to.be.instanceOf(MeshError).and.deep.include({ code: 'PORT_IN_USE', message: 'in use', given: '1', expected: 'another', todo: 'wait', stack: error.stack });
    expect((arrived.error.cause as Error).message).to.equal('inner');
  });

  it('keeps its cycles', () => {
    const value: Record<string, unknown> = { to: ref('/a') };
    value['self'] = value;
    const arrived = across(value) as Record<string, unknown>;
    expect(arrived['self']).to.equal(arrived);
    expect(arrived['to']).to.equal('@/a');
  });

  it('never takes for a ref what somebody wrote to look like one', () => {
    const forged = { at: {}, kind: 'ref', path: '/admin' };
    expect(across({ forged, holes: [forged], to: ref('/a') })).to.deep.equal({ forged, holes: [forged], to: '@/a' });
  });

  it('keeps a field that is called __proto__ a field', () => {
    const arrived = across(JSON.parse('{"to":1,"__proto__":{"isAdmin":true}}')) as Record<string, unknown>;
    const holed = across({ inner: JSON.parse('{"__proto__":{"isAdmin":true}}'), to: ref('/a') }) as { inner: Record<string, unknown> };
    for (const object of [arrived, holed.inner]) {
      expect(Object.keys(object)).to.include('__proto__');
      expect(object['isAdmin']).to.equal(undefined);
    }
  });

  it('is moved, and no longer here, where its owner said so', () => {
    const kept = new ArrayBuffer(8);
    const gone = moved(new ArrayBuffer(16));
    const arrived = across({ kept, view: new Uint8Array(gone) }) as { kept: ArrayBuffer; view: Uint8Array };
    expect([kept.byteLength, gone.byteLength]).to.deep.equal([8, 0]);
    expect([arrived.kept.byteLength, arrived.view.byteLength]).to.deep.equal([8, 16]);
  });

  const refused: readonly (readonly [name: string, value: unknown, fault: string])[] = [
    ['a function', { handler: () => 1 }, 'message.handler is a function'],
    ['a function deep inside', { list: [{}, { 'a b': new Map([['k', () => 1]]) }] }, 'message.list[1]["a b"].get(k) is a function'],
    ['a reply that wraps another', { reply: (answer: unknown) => answer }, 'message.reply is a function'],
    ['a symbol', { tag: Symbol('x') }, 'message.tag is a symbol'],
    ['an instance of a class', { session: new Session() }, 'message.session is a Session'],
    ['a promise', [Promise.resolve()], 'message[0] is a Promise'],
    ['a proxy', { view: new Proxy({}, {}) }, 'message.view is a Proxy'],
    ['a weak map', { cache: new WeakMap() }, 'message.cache is a WeakMap'],
    ['a function in the cause of an error', { error: new Error('x', { cause: { undo: () => 1 } }) }, 'message.error.cause.undo is a function'],
    ['the message itself', () => 1, 'message is a function'],
  ];
  for (const [name, value, fault] of refused) {
    it(`is not ${name}, and the fault names the field`, () => {
      expect(faultOf(value)).to.match(new RegExp(`^${fault.replaceAll(/[[\].()]/g, '\\$&')}\\b`));
    });
  }

  it('is not nested without end', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) value = [value];
    expect(faultOf(value)).to.match(/nested deeper than 200/);
  });
});
