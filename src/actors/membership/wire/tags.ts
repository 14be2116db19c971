/** Tags as Serf writes them into a member's meta: `ff`, then a msgpack map of text to text. */
import { MeshError } from '../../../errors.ts';
import { META_BYTES_MAX } from './messages.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { WireFault, attempt } from './wire-fault.ts';

export type Tags = Readonly<Record<string, string>>;

const TAGS_MAGIC = 0xff;

/** Under which a node of ours signs what it says of itself (claim-proofs.ts). Serf's agents show it like any other. */
export const SIGNATURE_TAG = 'sig';
/** 72 bytes in base64url. */
const SIGNATURE = /^[A-Za-z0-9_-]{96}$/;
/** The tag with its 96 characters, and a header that is longer for it. */
const SIGNATURE_TAG_BYTES = 105;

/** @throws MeshError TOO_LARGE when they do not fit into an announcement. */
export function encodeTags(tags: Tags): Uint8Array {
  const meta = tagBytes(tags);
  if (meta.length > META_BYTES_MAX) {
    throw new MeshError('TOO_LARGE', `tags take ${meta.length} bytes, at most ${META_BYTES_MAX} are allowed`, {
      given: `${meta.length} bytes`,
      expected: `at most ${META_BYTES_MAX} bytes`,
      todo: 'use fewer or shorter tags',
    });
  }
  return meta;
}

/** Whether there is room for them in this node's own announcement, and for its signature. */
export function fitsOwnMeta(tags: Tags): boolean {
  return tagBytes(tags).length <= META_BYTES_MAX - SIGNATURE_TAG_BYTES;
}

/** As they are announced, whether that fits or not: the same for the same tags. */
export function tagBytes(tags: Tags): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(TAGS_MAGIC);
  const entries = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  writer.writeMapHeader(entries.length);
  for (const [key, value] of entries) {
    writer.writeText(key);
    writer.writeText(value);
  }
  return writer.bytes();
}

/** An agent of Serf may have a tag of the name: that is one like any other. */
export function splitSignature(all: Tags): { readonly tags: Tags; readonly signature: string | undefined } {
  const { [SIGNATURE_TAG]: signature, ...tags } = all;
  return signature !== undefined && SIGNATURE.test(signature) ? { tags, signature } : { tags: all, signature: undefined };
}

export function isSameTags(a: Tags, b: Tags): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}

/** Meta that is not ours to read is shown as Serf shows it: as the tag `role`. */
export function decodeTags(meta: Uint8Array): Tags {
  if (meta.length === 0) return {};
  if (meta[0] !== TAGS_MAGIC) return { role: Buffer.from(meta).toString('latin1') };
  const tags = attempt(() => readTags(new MsgpackReader(meta, 1)));
  return typeof tags === 'string' ? {} : tags;
}

function readTags(reader: MsgpackReader): Tags {
  if (reader.readNil()) return {};
  const pairs = reader.readMapHeader();
  if (pairs === undefined) throw new WireFault('malformed', 'tags that are not a map');
  const tags: [string, string][] = [];
  for (let i = 0; i < pairs; i++) tags.push([reader.readText(META_BYTES_MAX), reader.readText(META_BYTES_MAX)]);
  // fromEntries defines properties, so that a tag named __proto__ is only a tag.
  return Object.fromEntries(tags);
}
