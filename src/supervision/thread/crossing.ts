/**
 * How a value crosses from one thread to another: data by structured clone; refs, the replies of asks, Buffers and MeshErrors,
 * which a clone would refuse or spoil, through holes that the other side fills. Pure.
 */
import { types } from 'node:util';
import type { MessagePort as ThreadPort } from 'node:worker_threads';
import { MeshError } from '../../errors.ts';
import type { ActorRef, ErrorInfo, Reply } from '../behavior.ts';
import { isAskReply } from '../asks.ts';
import type { AskReply } from '../asks.ts';
import { asThrown, clip, toErrorInfo } from '../exit-reason.ts';

/** A reply as the other side can name it: asks number theirs themselves. */
export interface ReplyName {
  /** Which side can answer it. */
  readonly origin: 'main' | 'thread';
  readonly id: number;
}

/**
 * What belongs in a place of the value. `at` is the object that stands there in its stead: a clone keeps who is who, so
 * nothing that somebody sends can pass for a hole.
 */
type Hole = { readonly at: object } & (
  | { readonly kind: 'ref'; readonly path: string }
  | { readonly kind: 'reply'; readonly name: ReplyName }
  | { readonly kind: 'buffer'; readonly bytes: Uint8Array }
  | { readonly kind: 'fault'; readonly error: ErrorInfo }
);

/** A value ready to be posted. */
export interface Crossing {
  readonly value: unknown;
  readonly holes: readonly Hole[];
}

/** What is found in a value before it crosses. */
interface Survey {
  /** The first thing that cannot cross, by the path of its field: `message.handler is a function; …`. */
  fault: string | undefined;
  /** Whose asks the value would answer. */
  readonly replies: AskReply<unknown>[];
  /** Whether it needs holes. */
  isHoled: boolean;
  /** What is moved, not copied. */
  readonly moved: Set<Transferable>;
}

export type Transferable = ArrayBuffer | ThreadPort;

/** Nesting beyond this is a mistake, and would overflow the stack of whoever walks it. */
const DEPTH_MAX = 200;
/** The way to a field is for a person to read. */
const TRAIL_CHARS_MAX = 200;
const TODO = 'only data, refs and the reply of an ask cross to another thread';

/** Buffers that their owner has given away. */
const given = new WeakSet<ArrayBuffer>();

/**
 * Says that `buffer` is to be moved to the thread that it is sent to, not copied. It is empty here once it has been sent.
 * @returns the buffer itself, to be put into a message
 */
export function moved(buffer: ArrayBuffer): ArrayBuffer {
  given.add(buffer);
  return buffer;
}

/** @param name of the value, for the fault: `message` */
export function survey(value: unknown, name: string): Survey {
  const found: Survey = { fault: undefined, replies: [], isHoled: false, moved: new Set() };
  new Surveyor(found, name).visit(value, undefined);
  return found;
}

/** From a container to what it holds: an index, the name of a field, or words. */
type Step = number | string | { readonly words: string };

class Surveyor {
  readonly #found: Survey;
  readonly #name: string;
  readonly #seen = new Set<object>();
  /** Where the visit is; put in words only for a fault. */
  readonly #trail: (Step | undefined)[] = [];

  constructor(found: Survey, name: string) {
    this.#found = found;
    this.#name = name;
  }

  visit(value: unknown, step: Step | undefined): void {
    if (typeof value === 'function' || typeof value === 'symbol' || (typeof value === 'object' && value !== null)) {
      this.#trail.push(step);
      this.#visitAny(value);
      this.#trail.pop();
    }
  }

  #visitAny(value: object | symbol): void {
    if (typeof value === 'symbol') return this.#refuse('is a symbol');
    if (typeof value === 'function') return this.#function(value as Reply<never>);
    if (this.#seen.has(value)) return;
    this.#seen.add(value);
    if (this.#trail.length > DEPTH_MAX) return this.#refuse(`is nested deeper than ${DEPTH_MAX}`);
    this.#object(value);
  }

  #function(value: Reply<never>): void {
    if (!isAskReply(value)) return this.#refuse('is a function');
    this.#found.replies.push(value);
    this.#found.isHoled = true;
  }

  #object(value: object): void {
    if (types.isProxy(value)) return this.#refuse('is a Proxy');
    if (isRef(value) || Buffer.isBuffer(value) || value instanceof MeshError) return void (this.#found.isHoled = true);
    if (Array.isArray(value)) return value.forEach((item, at) => this.visit(item, at));
    if (isPlain(value)) return Object.keys(value).forEach((key) => this.visit((value as Record<string, unknown>)[key], key));
    if (value instanceof Map) {
      return value.forEach((item, key) => {
        this.visit(key, { words: '.keys()' });
        this.visit(item, { words: `.get(${typeof key === 'object' ? '…' : String(key)})` });
      });
    }
    if (value instanceof Set) return value.forEach((item) => this.visit(item, { words: '.values()' }));
    if (ArrayBuffer.isView(value)) return this.#buffer(value.buffer);
    if (types.isAnyArrayBuffer(value)) return this.#buffer(value);
    // Of an error only its name, message, stack and cause cross.
    if (types.isNativeError(value)) return this.visit(value.cause, 'cause');
    if (value instanceof MessagePort) return void this.#found.moved.add(value);
    if (!isCloneable(value)) this.#refuse(`is a ${value.constructor?.name ?? 'object'}, whose methods and private fields would be lost`);
  }

  #buffer(buffer: ArrayBufferLike): void {
    if (buffer instanceof ArrayBuffer && given.has(buffer)) this.#found.moved.add(buffer);
  }

  #refuse(what: string): void {
    this.#found.fault ??= `${this.#name}${clip(this.#trail.map(stepShown).join(''), TRAIL_CHARS_MAX)} ${what}; ${TODO}`;
  }
}

function stepShown(step: Step | undefined): string {
  if (step === undefined) return '';
  if (typeof step === 'object') return step.words;
  if (typeof step === 'number') return `[${step}]`;
  return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/**
 * @param surveyed what `survey` found in the value: no fault
 * @param nameReply how the other side is to call a reply
 */
export function encode(value: unknown, surveyed: Survey, nameReply: (reply: AskReply<unknown>) => ReplyName): { readonly crossing: Crossing; readonly transfer: readonly Transferable[] } {
  if (!surveyed.isHoled) return { crossing: { value, holes: [] }, transfer: [...surveyed.moved] };
  const encoder = new Encoder(nameReply);
  const crossing = { value: encoder.copy(value), holes: encoder.holes };
  const copies = encoder.holes.flatMap((hole) => (hole.kind === 'buffer' ? [hole.bytes.buffer as ArrayBuffer] : []));
  return { crossing, transfer: [...surveyed.moved, ...copies] };
}

class Encoder {
  readonly holes: Hole[] = [];
  readonly #nameReply: (reply: AskReply<unknown>) => ReplyName;
  readonly #copies = new Map<object, unknown>();

  constructor(nameReply: (reply: AskReply<unknown>) => ReplyName) {
    this.#nameReply = nameReply;
  }

  copy(value: unknown): unknown {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return value;
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    const hole = this.#hole(value);
    if (hole !== undefined) {
      this.holes.push(hole);
      this.#copies.set(value, hole.at);
      return hole.at;
    }
    if (Array.isArray(value)) {
      const copy: unknown[] = this.#remember(value, []);
      for (const item of value) copy.push(this.copy(item));
      return copy;
    }
    if (value instanceof Map) {
      const copy: Map<unknown, unknown> = this.#remember(value, new Map());
      for (const [key, item] of value) copy.set(this.copy(key), this.copy(item));
      return copy;
    }
    if (value instanceof Set) {
      const copy: Set<unknown> = this.#remember(value, new Set());
      for (const item of value) copy.add(this.copy(item));
      return copy;
    }
    if (!isPlain(value)) return value;
    const copy: Record<string, unknown> = this.#remember(value, {});
    for (const key of Object.keys(value)) define(copy, key, this.copy((value as Record<string, unknown>)[key]));
    return copy;
  }

  #remember<T>(value: object, copy: T): T {
    this.#copies.set(value, copy);
    return copy;
  }

  #hole(value: object): Hole | undefined {
    if (isAskReply(value)) return { at: {}, kind: 'reply', name: this.#nameReply(value) };
    if (Buffer.isBuffer(value)) return { at: {}, kind: 'buffer', bytes: new Uint8Array(value) };
    if (value instanceof MeshError) return { at: {}, kind: 'fault', error: toErrorInfo(value) };
    return isRef(value) ? { at: {}, kind: 'ref', path: value.path } : undefined;
  }
}

export interface Fillings {
  ref(path: string): ActorRef<never>;
  reply(name: ReplyName): Reply<unknown>;
}

/** What arrived, with its holes filled. */
export function decode({ value, holes }: Crossing, fillings: Fillings): unknown {
  if (holes.length === 0) return value;
  return new Decoder(new Map(holes.map((hole) => [hole.at, filling(hole, fillings)]))).fill(value);
}

function filling(hole: Hole, fillings: Fillings): unknown {
  switch (hole.kind) {
    case 'ref':
      return fillings.ref(hole.path);
    case 'reply':
      return fillings.reply(hole.name);
    case 'buffer':
      return Buffer.from(hole.bytes.buffer, hole.bytes.byteOffset, hole.bytes.byteLength);
    case 'fault':
      return asThrown(hole.error);
  }
}

/** Fills in place: what arrived is nobody else's. */
class Decoder {
  readonly #fillings: ReadonlyMap<unknown, unknown>;
  readonly #seen = new Set<object>();

  constructor(fillings: ReadonlyMap<unknown, unknown>) {
    this.#fillings = fillings;
  }

  fill(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (this.#fillings.has(value)) return this.#fillings.get(value);
    if (this.#seen.has(value)) return value;
    this.#seen.add(value);
    if (Array.isArray(value)) value.forEach((item, at) => (value[at] = this.fill(item)));
    else if (value instanceof Map) this.#refill(value, [...value], ([key, item]) => value.set(this.fill(key), this.fill(item)));
    else if (value instanceof Set) this.#refill(value, [...value], (item) => value.add(this.fill(item)));
    else if (isPlain(value)) for (const key of Object.keys(value)) define(value, key, this.fill((value as Record<string, unknown>)[key]));
    return value;
  }

  #refill<T>(container: Map<unknown, unknown> | Set<unknown>, items: readonly T[], put: (item: T) => unknown): void {
    container.clear();
    for (const item of items) put(item);
  }
}

/** Sets a field of any name: `__proto__` is one like the others, as it is for a structured clone. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** An address, whichever system made it: what counts is its path. */
function isRef(value: object): value is ActorRef<never> {
  return 'path' in value && typeof value.path === 'string' && 'send' in value && typeof value.send === 'function' && 'ask' in value && typeof value.ask === 'function';
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What a structured clone carries whole, as Node 20 does it. */
function isCloneable(value: object): boolean {
  return types.isDate(value) || types.isRegExp(value) || types.isBoxedPrimitive(value) || types.isKeyObject(value) || types.isCryptoKey(value) || value instanceof Blob;
}
