/** Another identity for the present one: what somebody has put on disk by `mesh join`, or from the first Trust Fabric that answers. */
import type { Address } from '../address.ts';
import { MeshError } from '../errors.ts';
import { makeRequest } from '../trust/authority.ts';
import { readFabricAddresses } from '../trust/fabric-file.ts';
import { readIdentity } from '../trust/identity-files.ts';
import { readBundleFile } from '../trust/bundle-file.ts';
import type { BundleKeeper } from '../trust/bundle-keeper.ts';
import type { Ring } from '../trust/gossip-ring.ts';
import type { HeldIdentity, Identity } from '../trust/identity-source.ts';
import { readRing } from '../trust/ring-file.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import type { Svid } from '../trust/svid.ts';
import { attest, fetchBundle, type Attested, type Evidence } from './attest-client.ts';

/**
 * The bundle is changed by `bundles` alone: what the answer says of it is another's view.
 * @param dir where the present one is kept
 * @param heard of the keys of gossip that are handed with it, where the trust domain has some
 * @throws MeshError what the last Fabric said, or why it said nothing; NO_IDENTITY where there is none to ask
 */
export async function renewJoined(dir: string, held: HeldIdentity, bundles: BundleKeeper, heard?: (ring: Ring) => void): Promise<Identity> {
  const kept = readIdentity(dir);
  const present = held.current();
  const isLater = kept !== undefined && formatSpiffeId(kept.svid.id) === formatSpiffeId(present.svid.id) && kept.svid.notAfterMs > present.svid.notAfterMs;
  if (!isLater) {
    const { identity, gossipRing } = await attestAt(readFabricAddresses(dir), held, bundles, (svid) => ({ kind: 'x509pop', svid }));
    heard?.(gossipRing);
    return identity;
  }
  heard?.(readRing(dir) ?? []);
  const document = readBundleFile(dir);
  if (document !== undefined) bundles.take(document);
  return kept;
}

/** As `renewJoined`, with the keys of gossip as they are now: who was evicted may do this once, so the identity is to be used. */
export async function askKeys(dir: string, held: HeldIdentity, bundles: BundleKeeper): Promise<{ readonly identity: Identity; readonly ring: Ring }> {
  const { identity, gossipRing: ring } = await attestAt(readFabricAddresses(dir), held, bundles, (svid) => ({ kind: 'x509pop', svid }));
  return { identity, ring };
}

/** An identity for a program beside the node that is kept in `dir`; @throws MeshError as `renewJoined` */
export async function attestWorkload(dir: string, held: HeldIdentity, bundles: BundleKeeper, workload: string): Promise<Identity> {
  return (await attestAt(readFabricAddresses(dir), held, bundles, (svid) => ({ kind: 'workload', svid, workload }))).identity;
}

/**
 * Who was away while the authority was changed may hold certificates that nobody shows any more, and none of those that are shown:
 * the bundle proves itself, and is asked of whoever answers.
 * @returns whether another is believed now; false too where nobody answers
 * @throws MeshError UNKNOWN_AUTHORITY where nobody believed here has signed it: whoever missed all of a change must join again
 */
export async function refreshBundle(dir: string, bundles: BundleKeeper): Promise<boolean> {
  for (const address of readFabricAddresses(dir)) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      return bundles.offer(await fetchBundle(address)) === 'adopted';
    } catch (error) {
      if (!(error instanceof MeshError) || error.code === 'UNKNOWN_AUTHORITY') throw error;
    }
  }
  return false;
}

async function attestAt(addresses: readonly Address[], held: HeldIdentity, bundles: BundleKeeper, evidenceOf: (svid: Svid) => Evidence): Promise<Attested> {
  let fault = new MeshError('NO_IDENTITY', 'nobody is known who could issue this identity', { expected: 'the address of a Trust Fabric in fabric.json', todo: 'join again: `mesh join`' });
  for (const address of addresses) {
    try {
      // One after the other: the first is where it was joined.
      // oxlint-disable-next-line no-await-in-loop
      bundles.offer(await fetchBundle(address));
      const { svid, bundle } = held.current();
      // oxlint-disable-next-line no-await-in-loop
      return await attest({ address, bundle, request: await makeRequest(), evidence: evidenceOf(svid) });
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      fault = error;
    }
  }
  throw fault;
}
