/**
 * Where an entry lies in the document. Part of the protocol: two nodes that disagree here do not share a registry.
 *
 * The genesis is the same bytes on every node (fixed actor, time 0). Entries are spread over 256 maps, because a change
 * costs as much as the map it touches has keys: at 100,000 entries 0.5 ms rather than 100.
 */
import * as Automerge from '@automerge/automerge';

export type RegistryContent = { v: number; b: Record<string, Record<string, Automerge.ImmutableString>> };

const BUCKET_COUNT = 256;
const GENESIS_ACTOR = '00';
/** Keys wear it in the document: no key of a user's is then `__proto__` or another name that objects know. */
const KEY_MARK = '=';

function bucketName(index: number): string {
  return index.toString(16).padStart(2, '0');
}

/** As it was made once, for to make it takes 200 ms: actor `00`, at time 0, in one change `v` = 1, `b` and in that the buckets. */
export const GENESIS: { readonly snapshot: Uint8Array; readonly hash: string } = {
  snapshot: Uint8Array.from(
    Buffer.from(
      [
        'hW9Kg3a4EwwA/gMBAQABKWc3NphHuDz8USBS2Rz3+MhdzZ16+6iJWHiGBXd1AzIGAQIDAhMDIwJAAlYCCgEFAgUdggMhAyMHNAJCBlYGVwGAAQN/AH8Bf4ICfwB/AH8HAAKAAgAAAoAC',
        'AgXB0ZEDIAhAwcmrSBQVygHREu7vWs9k9/v/yc8frdGE1mmDprRJW7RNM5rTgpa0QyvapT2kIYJ0ZCCKTGQhGzHEkUASOUghF3n0Rhd6pw+60id90Tfd6E4PetIPveiX/hiNIYzOGAxl',
        'TMZibIYxnBGMZBxGMS7joQ0VtKMDVXSiC92ooY4GmuhBC73oYzamMDtzMJU5mYu5mcZ0ZjCTeZjFvMzHaixhddZgKWuyFmuzjOWsYCXrsIp1WY/d2MLu7MFW9mQv9mYb29nBTvZhF/uy',
        'H9YwwTo2MMUmtrCNGeZYYIkdrLCLPbzhgnd84IpPfOEbN9zxwBM/eOEXf0QjhOjEIJSYxCI2YYQTQSRxiCIu8chGCtnJQSo5yUVu0kgng0zykEVe8nEaRzidMzjKmZzF2RzjOCc4yTmc',
        '4lzOoxolVKcGpdSkFrUpo5wKKqlDFXWpx21c4Xbu4Cp3chd3c43r3OAm93CLe7mP13jC67zBU97kLd7mGc95wUve4RXv8t4PggIAfQJ/Av8BAYICfgABgAIAfgAUgAIAAYICAAA=',
      ].join(''),
      'base64',
    ),
  ),
  hash: '296737369847b83cfc512052d91cf7f8c85dcd9d7afba8895878860577750332',
};

export function bucketOf(key: string): string {
  return bucketName(bucketIndex(key));
}

/** The engine's names of the maps: the genesis' first two operations make `v` and `b`, the buckets follow in order. */
export const BUCKET_IDS: readonly string[] = Array.from({ length: BUCKET_COUNT }, (_, index) => `${index + 3}@${GENESIS_ACTOR}`);

export function bucketId(key: string): string {
  return BUCKET_IDS[bucketIndex(key)]!;
}

/** FNV-1a over the UTF-16 units, folded to a byte. */
function bucketIndex(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff;
}

export function markedKey(key: string): string {
  return KEY_MARK + key;
}

export function unmarkedKey(marked: string): string | undefined {
  return marked.startsWith(KEY_MARK) ? marked.slice(KEY_MARK.length) : undefined;
}

/** The user's key that one operation writes or deletes; undefined when the operation is none that the registry makes. */
export function keyOfOperation(op: Automerge.DecodedChange['ops'][number]): string | undefined {
  const isWrite = op.action === 'set' && typeof op.value === 'string' && (op.datatype === undefined || op.datatype === 'str');
  if (!isWrite && op.action !== 'del') return undefined;
  const key = typeof op.key === 'string' ? unmarkedKey(op.key) : undefined;
  return key !== undefined && op.obj === bucketId(key) ? key : undefined;
}

/** Whether a document from elsewhere holds what the registry writes and nothing else. */
export function isRegistryContent(content: Readonly<RegistryContent>): boolean {
  if (Object.keys(content).length !== 2 || content.v !== 1 || typeof content.b !== 'object') return false;
  const buckets = Object.values(content.b);
  if (buckets.length !== BUCKET_COUNT) return false;
  return buckets.every((bucket) => typeof bucket === 'object' && Object.values(bucket).every((value) => value instanceof Automerge.ImmutableString));
}
