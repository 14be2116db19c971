/** IP addresses between text and the 4 or 16 bytes that go over the wire. */
import type { GossipAddress } from '../../../transport/gossip-transport.ts';

const V4_IN_V6_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/**
 * Bytes of an IP address in text form.
 * @throws TypeError when it is none: addresses are checked where they come in.
 */
export function ipBytes(host: string): Uint8Array {
  const parsed = host.includes(':') ? parseV6(host) : parseV4(host);
  if (parsed === undefined) throw new TypeError(`not an IP address: ${host}`);
  return parsed;
}

/** An address as it is read and as it is written. */
interface Known {
  readonly addr: Uint8Array;
  readonly address: GossipAddress;
}

/** Gossip says the same addresses again and again: they are made into text once, and kept once however many brains know them. */
const known = new Map<number, Known>();
/** About 300 bytes each. When more have come it starts anew, and costs as much as if it were not there. */
const KNOWN_MAX = 4_096;

function knownV4(addr: Uint8Array, port: number): Known {
  const [a = 0, b = 0, c = 0, d = 0] = addr;
  const key = (((a * 256 + b) * 256 + c) * 256 + d) * 65_536 + port;
  const before = known.get(key);
  if (before !== undefined) return before;
  if (known.size >= KNOWN_MAX) known.clear();
  const entry = { addr: Uint8Array.of(a, b, c, d), address: { host: `${a}.${b}.${c}.${d}`, port } };
  known.set(key, entry);
  return entry;
}

/** The bytes, for keeping: what is received is a window on a whole packet or stream, which would live as long. */
export function keptAddr(addr: Uint8Array, port: number): Uint8Array {
  return addr.length === 4 ? knownV4(addr, port).addr : new Uint8Array(addr);
}

/** Text of an address, undefined when the bytes are none. IPv4 inside IPv6 is shown as the IPv4 it is. */
export function addressOf(addr: Uint8Array, port: number): GossipAddress | undefined {
  if (port === 0) return undefined;
  if (addr.length === 4) return knownV4(addr, port).address;
  if (addr.length !== 16) return undefined;
  if (V4_IN_V6_PREFIX.equals(addr.subarray(0, 12))) return { host: addr.subarray(12).join('.'), port };
  return { host: formatV6(addr), port };
}

/** The same text for the same address: for maps and comparisons. */
export function addressKey(address: GossipAddress): string {
  return `${address.host}|${address.port}`;
}

function parseV4(text: string): Uint8Array | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.every((part) => part <= 255) ? Uint8Array.from(parts) : undefined;
}

function parseV6(text: string): Uint8Array | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const v4 = parseV4(dotted[2]!);
    if (v4 === undefined) return undefined;
    const hex = Buffer.from(v4).toString('hex');
    return parseV6(`${dotted[1]}${hex.slice(0, 4)}:${hex.slice(4)}`);
  }
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const [head, tail] = [halves[0]!, halves[1]];
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length > 2 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const groups = tail === undefined ? head : [...head, ...Array<string>(missing).fill('0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** RFC 5952: the longest run of two or more zero groups is shortened, the first of equals. */
function formatV6(addr: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((addr[2 * i]! << 8) | addr[2 * i + 1]!).toString(16)).join(':');
  const longest = [...groups.matchAll(/\b0(?::0\b)+/g)].toSorted(([a], [b]) => b.length - a.length)[0];
  if (longest === undefined) return groups;
  const head = groups.slice(0, longest.index).replace(/:$/, '');
  const tail = groups.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${head}::${tail}`;
}
