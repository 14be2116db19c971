/** Kinds of fields that only Serf's messages have; as Go peers read and write them. */
import type { MsgpackReader, MsgpackWriter } from '../wire/msgpack.ts';
import type { Field } from '../wire/struct.ts';
import { WireFault } from '../wire/wire-fault.ts';

export function float(key: string): Field<number> {
  return {
    key,
    zero: 0,
    omitsZero: false,
    read: (reader) => (reader.readNil() ? 0 : reader.readFloat()),
    write: (writer, value) => writer.writeFloat(value),
  };
}

/** How one item of a list, or what a struct holds, is read and written. */
export interface Item<T> {
  read(reader: MsgpackReader): T;
  write(writer: MsgpackWriter, value: T): void;
}

/** @param whenEmpty what Go makes of a slice that was never set (nil), or of one that was made empty */
export function list<T>(key: string, itemsMax: number, item: Item<T>, whenEmpty: 'nil' | 'array' = 'nil'): Field<readonly T[]> {
  return {
    key,
    zero: [],
    omitsZero: false,
    read: (reader) => readList(reader, itemsMax, item),
    write(writer, values) {
      if (values.length === 0 && whenEmpty === 'nil') return writer.writeNil();
      writer.writeArrayHeader(values.length);
      for (const value of values) item.write(writer, value);
    },
  };
}

/** A list that is no field: the nodes of a filter. */
export function readList<T>(reader: MsgpackReader, itemsMax: number, item: Pick<Item<T>, 'read'>): T[] {
  if (reader.readNil()) return [];
  const items = reader.readArrayHeader();
  if (items === undefined) throw new WireFault('malformed', 'no list where one belongs');
  if (items > itemsMax) throw new WireFault('oversized', `${items} items where at most ${itemsMax} are allowed`);
  return Array.from({ length: items }, () => item.read(reader));
}

export function textItem(bytesMax: number): Item<string> {
  return { read: (reader) => reader.readText(bytesMax), write: (writer, value) => writer.writeText(value) };
}

export function bytesItem(bytesMax: number): Item<Uint8Array> {
  return { read: (reader) => reader.readRaw(bytesMax), write: (writer, value) => writer.writeRaw(value) };
}

export const floatItem: Item<number> = { read: (reader) => reader.readFloat(), write: (writer, value) => writer.writeFloat(value) };

/** Pointers to structs: real agents send mostly empty slots, which are left out of the value. */
export function slots<T>(key: string, slotsMax: number, struct: Item<T>): Field<readonly T[]> {
  const filled = list<T>(key, slotsMax, struct);
  return {
    ...filled,
    read: (reader) => readList(reader, slotsMax, { read: () => (reader.readNil() ? undefined : struct.read(reader)) }).filter((slot) => slot !== undefined),
  };
}

export function nested<T>(key: string, zero: T, struct: Item<T>): Field<T> {
  return {
    key,
    zero,
    omitsZero: false,
    read: (reader) => (reader.readNil() ? zero : struct.read(reader)),
    write: (writer, value) => struct.write(writer, value),
  };
}

/** A map from text; the result is a Map, for its keys are anybody's words. */
export function mapOf<T>(key: string, pairsMax: number, keyBytesMax: number, item: Item<T>): Field<ReadonlyMap<string, T>> {
  return {
    key,
    zero: new Map(),
    omitsZero: false,
    read(reader) {
      if (reader.readNil()) return new Map();
      const pairs = reader.readMapHeader();
      if (pairs === undefined) throw new WireFault('malformed', `${key} is not a map`);
      if (pairs > pairsMax) throw new WireFault('oversized', `${key} of ${pairs} pairs, at most ${pairsMax} are allowed`);
      const map = new Map<string, T>();
      for (let i = 0; i < pairs; i++) map.set(reader.readText(keyBytesMax), item.read(reader));
      return map;
    },
    write(writer, map) {
      writer.writeMapHeader(map.size);
      for (const [name, value] of map) {
        writer.writeText(name);
        item.write(writer, value);
      }
    },
  };
}
