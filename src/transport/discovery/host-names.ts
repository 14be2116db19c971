/** Names of hosts become addresses, and again as long as they are wanted: a name may lead elsewhere by then. */
import { isIP } from 'node:net';
import { formatAddress, type Address } from '../../address.ts';
import { systemErrorMeaning } from '../../system-error.ts';
import { CANDIDATES_MAX, type Candidate, type DiscoveryWorld } from './discovery.ts';

/** getaddrinfo(3) takes a thread of libuv's four while it waits, and the disk needs the others. */
const LOOKUPS_AT_ONCE = 2;

export type Named = Candidate | { readonly given: string; readonly named: Address };

/** In the order given, a name with all its addresses. */
export async function resolveNames(all: readonly Named[], lookup: DiscoveryWorld['lookup']): Promise<Candidate[]> {
  const wanted = all.slice(0, CANDIDATES_MAX);
  const resolved: Candidate[][] = wanted.map(() => []);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < wanted.length) {
      const at = next++;
      const each = wanted[at]!;
      resolved[at] = 'named' in each ? await addressesOf(each.given, each.named, lookup) : [each];
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work));
  return resolved.flat().slice(0, CANDIDATES_MAX);
}

export function isName({ host }: Address): boolean {
  return isIP(host) === 0;
}

async function addressesOf(given: string, { host, port }: Address, lookup: DiscoveryWorld['lookup']): Promise<Candidate[]> {
  if (!isName({ host, port })) return [{ given, address: { host, port } }];
  try {
    const hosts = await lookup(host);
    return hosts.map((address) => ({ given: given === host ? `${host} → ${address}` : given, address: { host: address, port } }));
  } catch (error) {
    return [{ given: formatAddress({ host, port }), refusal: 'unresolvable', why: resolveTrouble(error) }];
  }
}

/** What a resolver said, in words. */
export function resolveTrouble(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const known = RESOLVER_WORDS[code];
  return known === undefined ? (systemErrorMeaning(error) ?? (error instanceof Error ? error.message : String(error))) : `${known} (${code})`;
}

const RESOLVER_WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  ENODATA: 'the name has no such record',
  ESERVFAIL: 'the name server failed',
  ETIMEOUT: 'the name server does not answer',
  ECONNREFUSED: 'no name server answers there',
  EAI_AGAIN: 'the name server does not answer',
};
