/** Names that a name server keeps: addresses of one name, or the SRV records of a service (RFC 2782). */
import { Resolver } from 'node:dns/promises';
import { formatAddress, type Address } from '../../address.ts';
import type { SpecOf } from '../../config/discover-spec.ts';
import { CANDIDATES_MAX, type Discover, type DiscoveryWorld, type Found } from './discovery.ts';
import { resolveNames, resolveTrouble } from './host-names.ts';
import { pause } from './pause.ts';

/** Per server and try; the next look comes soon enough. */
const QUERY = { timeout: 2_000, tries: 2 } as const;

/** What a server says of a name that it knows to have no such record: an answer, and no failure to give one. */
const NOBODY: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

export function dnsNames({ name, port, resolver, every }: SpecOf<'dns'>, world: DiscoveryWorld): Discover {
  return look(resolver, every, world, async (lookup) => {
    const hosts = await lookup(name);
    return { candidates: hosts.slice(0, CANDIDATES_MAX).map((host) => ({ given: `${name} → ${host}`, address: { host, port } })) };
  });
}

export function srvRecords({ name, resolver, every }: SpecOf<'srv'>, world: DiscoveryWorld): Discover {
  return look(resolver, every, world, async (lookup, server) => {
    const records = await server.resolveSrv(name);
    // A single "." says that the service is decidedly not there.
    const wanted = records.filter((record) => record.name !== '' && record.name !== '.').sort((a, b) => a.priority - b.priority || b.weight - a.weight);
    const named = wanted.map(({ name: host, port }) => ({ given: formatAddress({ host, port }), named: { host, port } }));
    return { candidates: await resolveNames(named, lookup) };
  });
}

/** Again and again. A server that fails takes nobody away; one that says that there is nobody does. */
function look(resolver: Address | undefined, everyMs: number, world: DiscoveryWorld, ask: (lookup: DiscoveryWorld['lookup'], server: Resolver) => Promise<Found>): Discover {
  return async function* (signal) {
    const server = new Resolver(QUERY);
    if (resolver !== undefined) server.setServers([formatAddress(resolver)]);
    signal.addEventListener('abort', () => server.cancel());
    // Without a server of its own a name is looked up as every other program here does, with /etc/hosts and search domains.
    const lookup = resolver === undefined ? world.lookup : (host: string) => addressesOf(server, host);
    let latest: Found = { candidates: [] };
    while (!signal.aborted) {
      latest = await ask(lookup, server).catch((error: unknown) => ({
        candidates: NOBODY.has(codeOf(error)) ? [] : latest.candidates,
        trouble: resolveTrouble(error),
      }));
      if (!signal.aborted) yield latest;
      await pause(everyMs, world, signal);
    }
  };
}

/** Of both families; it fails when neither has an answer, and then as the worse of the two. */
async function addressesOf(server: Resolver, host: string): Promise<string[]> {
  const answers = await Promise.allSettled([server.resolve4(host), server.resolve6(host)]);
  const hosts = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (hosts.length > 0) return hosts;
  const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
  throw failures.find((failure) => !NOBODY.has(codeOf(failure))) ?? failures[0] ?? new Error(`${host} has no address`);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
