/**
 * Go structs as msgpack maps. Written with keys sorted bytewise, as Go peers do; read as Go peers read: keys in any
 * order, unknown ones skipped, missing ones zero, the last of two equal ones wins, or all values as an array in the
 * order of declaration.
 */
import { MsgpackWriter, NO_BYTES, type MsgpackReader } from './msgpack.ts';
import { WireFault } from './wire-fault.ts';

/** How one field is read and written. */
export interface Field<T> {
  /** The exact name of the Go field. */
  readonly key: string;
  readonly zero: T;
  /** Whether a zero value is left out, as Go's `omitempty` does. */
  readonly omitsZero: boolean;
  read(reader: MsgpackReader): T;
  write(writer: MsgpackWriter, value: T): void;
}

export function uint(key: string, max: number): Field<number> {
  return {
    key,
    zero: 0,
    omitsZero: false,
    read(reader) {
      if (reader.readNil()) return 0;
      const value = reader.readInteger();
      if (value < 0 || value > max) throw new WireFault('malformed', `${key} ${value} is not in 0..${max}`);
      return value;
    },
    write: (writer, value) => writer.writeUint(value),
  };
}

export function bool(key: string): Field<boolean> {
  return {
    key,
    zero: false,
    omitsZero: false,
    read: (reader) => (reader.readNil() ? false : reader.readBool()),
    write: (writer, value) => writer.writeBool(value),
  };
}

export function text(key: string, bytesMax: number): Field<string> {
  return {
    key,
    zero: '',
    omitsZero: false,
    read: (reader) => reader.readText(bytesMax),
    write: (writer, value) => writer.writeText(value),
  };
}

/** Empty is written as nil, which is what Go makes of a slice that was never set. */
export function bytes(key: string, bytesMax: number): Field<Uint8Array> {
  return {
    key,
    zero: NO_BYTES,
    omitsZero: false,
    read(reader) {
      const items = reader.readArrayHeader();
      if (items === undefined) return reader.readRaw(bytesMax);
      if (items > bytesMax) throw new WireFault('oversized', `${key} of ${items} bytes, at most ${bytesMax} are allowed`);
      return Uint8Array.from({ length: items }, () => reader.readInteger());
    },
    write(writer, value) {
      if (value.length === 0) writer.writeNil();
      else writer.writeRaw(value);
    },
  };
}

/** The field as Go's `omitempty` writes it. */
export function omitempty<T>(field: Field<T>): Field<T> {
  return { ...field, omitsZero: true };
}

// A struct's fields differ in type; each is only ever used with the value it belongs to.
// oxlint-disable-next-line typescript/no-explicit-any
type Fields = Readonly<Record<string, Field<any>>>;

type ValueOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** The value that a struct reads and writes. */
export type StructValue<S> = S extends Struct<infer F> ? ValueOf<F> : never;

interface Entry {
  readonly name: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly field: Field<any>;
  /** As it stands on the wire. */
  readonly key: Uint8Array;
}

export class Struct<F extends Fields> {
  readonly #declared: readonly Entry[];
  readonly #sorted: readonly Entry[];
  /** Indices of those sorted. */
  readonly #byKey: ReadonlyMap<string, number>;
  readonly #zero: ValueOf<F>;
  readonly #omitsZeros: boolean;

  /** @param fields in the order of the Go declaration, under the names we use. */
  constructor(fields: F) {
    this.#declared = Object.entries(fields).map(([name, field]) => ({ name, field, key: encodedKey(field.key) }));
    this.#sorted = this.#declared.toSorted(({ field: a }, { field: b }) => (a.key < b.key ? -1 : 1));
    this.#byKey = new Map(this.#sorted.map(({ field }, at) => [field.key, at]));
    this.#zero = Object.fromEntries(this.#declared.map(({ name, field }) => [name, field.zero])) as ValueOf<F>;
    this.#omitsZeros = this.#declared.some(({ field }) => field.omitsZero);
  }

  read(reader: MsgpackReader): ValueOf<F> {
    const value: Record<string, unknown> = { ...this.#zero };
    const pairs = reader.readMapHeader();
    if (pairs === undefined) {
      this.#readPositional(reader, value);
      return value as ValueOf<F>;
    }
    let next = 0;
    for (let i = 0; i < pairs; i++) {
      // Peers write keys sorted, so it mostly is the next one; that is seen without making text of it.
      const isNext = next < this.#sorted.length && reader.readExactly(this.#sorted[next]!.key);
      const at = isNext ? next : this.#byKey.get(readKey(reader));
      if (at === undefined) {
        reader.skip();
      } else {
        const { name, field } = this.#sorted[at]!;
        value[name] = field.read(reader);
        next = at + 1;
      }
    }
    return value as ValueOf<F>;
  }

  write(writer: MsgpackWriter, value: ValueOf<F>): void {
    const present = this.#omitsZeros ? this.#sorted.filter(({ name, field }) => !(field.omitsZero && isZero(value[name]))) : this.#sorted;
    writer.writeMapHeader(present.length);
    for (const { name, field, key } of present) {
      writer.writeBytes(key);
      field.write(writer, value[name]);
    }
  }

  #readPositional(reader: MsgpackReader, value: Record<string, unknown>): void {
    const items = reader.readArrayHeader();
    if (items === undefined) throw new WireFault('malformed', 'neither a map nor an array where a struct belongs');
    for (let i = 0; i < items; i++) {
      const entry = this.#declared[i];
      if (entry === undefined) reader.skip();
      else value[entry.name] = entry.field.read(reader);
    }
  }
}

function encodedKey(key: string): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeText(key);
  return writer.bytes();
}

/** Longer than any key of the protocol and of what was ever added to it. */
const KEY_BYTES_MAX = 64;

function readKey(reader: MsgpackReader): string {
  const raw = reader.readRaw(KEY_BYTES_MAX);
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1');
}

function isZero(value: unknown): boolean {
  return value === 0 || value === '' || (value instanceof Uint8Array && value.length === 0);
}
