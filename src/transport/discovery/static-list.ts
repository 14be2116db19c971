/** A list that does not change; what its names lead to may. */
import { formatAddress } from '../../address.ts';
import type { SpecOf } from '../../config/discover-spec.ts';
import type { Discover, DiscoveryWorld } from './discovery.ts';
import { resolveNames } from './host-names.ts';
import { pause } from './pause.ts';

/** How long a changed name may go unseen. */
const RESOLVE_MS = 30_000;

export function staticList({ peers }: SpecOf<'static'>, world: DiscoveryWorld): Discover {
  const named = peers.map((address) => ({ given: formatAddress(address), named: address }));
  return async function* (signal) {
    while (!signal.aborted) {
      yield { candidates: await resolveNames(named, world.lookup) };
      await pause(RESOLVE_MS, world, signal);
    }
  };
}
