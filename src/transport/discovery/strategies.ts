/** From a spec to the strategy that it names. */
import { lookup } from 'node:dns/promises';
import { systemClock } from '../../clock.ts';
import type { DiscoverSpec } from '../../config/discover-spec.ts';
import { systemRandom } from '../../random.ts';
import type { Discover, DiscoveryWorld } from './discovery.ts';
import { broadcast, multicast } from './calling.ts';
import { dnsNames, srvRecords } from './dns-records.ts';
import { kubernetes } from './kubernetes.ts';
import { staticList } from './static-list.ts';
import { watchedFile } from './watched-file.ts';

export function discoverBy(spec: DiscoverSpec, world: DiscoveryWorld): Discover {
  switch (spec.strategy) {
    case 'static':
      return staticList(spec, world);
    case 'dns':
      return dnsNames(spec, world);
    case 'srv':
      return srvRecords(spec, world);
    case 'multicast':
      return multicast(spec, world);
    case 'broadcast':
      return broadcast(spec, world);
    case 'mdns':
      // With a codec that no other strategy needs.
      return async function* (signal) {
        const { multicastDns } = await import('./multicast-dns.ts');
        yield* multicastDns(spec, world)(signal);
      };
    case 'k8s':
      return kubernetes(spec, world);
    case 'file':
      return watchedFile(spec, world);
  }
}

/** The world of a real process. */
export function processWorld(around: Pick<DiscoveryWorld, 'self' | 'bind' | 'home' | 'env'>): DiscoveryWorld {
  return {
    ...around,
    clock: systemClock,
    random: systemRandom,
    lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  };
}

/** Whether a source tells bit by bit what there is, rather than all of it with its first answer. */
export function isHeard({ strategy }: DiscoverSpec): boolean {
  return strategy === 'multicast' || strategy === 'broadcast' || strategy === 'mdns';
}
