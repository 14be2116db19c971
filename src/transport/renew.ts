/** Another identity for the present one, from the first Trust Fabric that answers. */
import type { Address } from '../address.ts';
import { MeshError } from '../errors.ts';
import { makeRequest } from '../trust/authority.ts';
import type { Identity } from '../trust/identity-source.ts';
import { attest } from './attest-client.ts';

/** @throws MeshError what the last one said, or why it said nothing; NO_IDENTITY where there is none to ask */
export async function renewAt(addresses: readonly Address[], { svid, bundle }: Identity): Promise<Identity> {
  let fault = new MeshError('NO_IDENTITY', 'nobody is known who could renew this identity', { expected: 'the address of a Trust Fabric in fabric.json', todo: 'join again: `mesh join`' });
  for (const address of addresses) {
    try {
      // One after the other: the first is where it was joined.
      // oxlint-disable-next-line no-await-in-loop
      return (await attest({ address, bundle, request: await makeRequest(), evidence: { kind: 'x509pop', svid } })).identity;
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      fault = error;
    }
  }
  throw fault;
}
