/** The group of a key exchange, by which one sees whether it was post-quantum. */
import type { TLSSocket } from 'node:tls';

/** SSL_SESSION, as OpenSSL 3 writes it (ssl/ssl_asn1.c): `kex_group [19] EXPLICIT INTEGER`. */
const TAG_KEX_GROUP = 0xb3;
const TAG_SEQUENCE = 0x30;

/** IANA, "TLS Supported Groups"; the names are theirs. */
const GROUPS: ReadonlyMap<number, string> = new Map([
  [23, 'secp256r1'],
  [24, 'secp384r1'],
  [25, 'secp521r1'],
  [29, 'X25519'],
  [30, 'X448'],
  [4587, 'SecP256r1MLKEM768'],
  [4588, 'X25519MLKEM768'],
  [4589, 'SecP384r1MLKEM1024'],
]);

/**
 * Node tells of the group only clients, and only from 24 on by its name; but the session that can be exported on either side
 * has it. Undefined where this runtime's does not.
 */
export function tlsGroupOf(socket: TLSSocket): string | undefined {
  const told = socket.getEphemeralKeyInfo();
  // Node 20 calls its curves by OpenSSL's names, of which these two differ from IANA's.
  if (told !== null && 'name' in told && typeof told.name === 'string') return told.name === 'prime256v1' ? 'secp256r1' : told.name;
  const session = socket.getSession();
  const number = session === undefined ? undefined : groupIn(session);
  return number === undefined ? undefined : (GROUPS.get(number) ?? `group ${number}`);
}

export function isPostQuantum(group: string): boolean {
  return group.includes('MLKEM');
}

function groupIn(session: Buffer): number | undefined {
  if (session[0] !== TAG_SEQUENCE) return undefined;
  for (let at = 2 + lengthOctets(session, 1); at + 2 < session.length; ) {
    const more = lengthOctets(session, at + 1);
    const length = more === 0 ? session[at + 1]! : session.readUIntBE(at + 2, more);
    const start = at + 2 + more;
    // Inside stands an INTEGER: its tag, its length, its value.
    if (session[at] === TAG_KEX_GROUP && length > 2 && start + length <= session.length) return session.readUIntBE(start + 2, length - 2);
    at = start + length;
  }
  return undefined;
}

/** How many octets of length follow the one at this place (X.690, 8.1.3); a session has at most some 64 KiB. */
function lengthOctets(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  return first & 0x80 ? Math.min(first & 0x7f, 4) : 0;
}
