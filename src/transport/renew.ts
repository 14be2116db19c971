/** Another identity for the present one: what somebody has put on disk by `mesh join`, or from the first Trust Fabric that answers. */
import type { Address } from '../address.ts';
import { MeshError } from '../errors.ts';
import { makeRequest } from '../trust/authority.ts';
import type { Bundle } from '../trust/bundle.ts';
import { readFabricAddresses } from '../trust/fabric-file.ts';
import { readIdentity } from '../trust/identity-files.ts';
import type { Identity } from '../trust/identity-source.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { attest, type Evidence } from './attest-client.ts';

/**
 * @param dir where the present one is kept
 * @throws MeshError what the last Fabric said, or why it said nothing; NO_IDENTITY where there is none to ask
 */
export async function renewJoined(dir: string, present: Identity): Promise<Identity> {
  const kept = readIdentity(dir);
  const isLater = kept !== undefined && formatSpiffeId(kept.svid.id) === formatSpiffeId(present.svid.id) && kept.svid.notAfterMs > present.svid.notAfterMs;
  return isLater ? kept : attestAt(readFabricAddresses(dir), present.bundle, { kind: 'x509pop', svid: present.svid });
}

/** An identity for a program beside the node that is kept in `dir`; @throws MeshError as `renewJoined` */
export function attestWorkload(dir: string, { svid, bundle }: Identity, workload: string): Promise<Identity> {
  return attestAt(readFabricAddresses(dir), bundle, { kind: 'workload', svid, workload });
}

async function attestAt(addresses: readonly Address[], bundle: Bundle, evidence: Evidence): Promise<Identity> {
  let fault = new MeshError('NO_IDENTITY', 'nobody is known who could issue this identity', { expected: 'the address of a Trust Fabric in fabric.json', todo: 'join again: `mesh join`' });
  for (const address of addresses) {
    try {
      // One after the other: the first is where it was joined.
      // oxlint-disable-next-line no-await-in-loop
      return (await attest({ address, bundle, request: await makeRequest(), evidence })).identity;
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      fault = error;
    }
  }
  throw fault;
}
