/** Where an identity that was got by a token is renewed: `fabric.json` beside it. */
import { join } from 'node:path';
import { MeshError } from '../errors.ts';
import { parseAddress, type Address, formatAddress } from '../address.ts';
import { onDisk, readIfThere, writePrivate } from './private-files.ts';

export const TRUST_PORT_DEFAULT = 7948;
const ADDRESSES_MAX = 16;

/** @throws MeshError TRUST_FILE_DAMAGED */
export function readFabricAddresses(dir: string): readonly Address[] {
  const path = join(dir, 'fabric.json');
  const text = onDisk(dir, () => readIfThere(path));
  if (text === undefined) return [];
  try {
    const { addresses } = JSON.parse(text) as { readonly addresses: readonly string[] };
    return addresses.slice(0, ADDRESSES_MAX).map((address) => parseAddress(address, TRUST_PORT_DEFAULT));
  } catch {
    throw new MeshError('TRUST_FILE_DAMAGED', `${path} does not say where the identity is renewed`, {
      given: path,
      expected: '{"addresses":["host:port"]}',
      todo: 'mend it, or join again: `mesh join`',
    });
  }
}

export function writeFabricAddresses(dir: string, addresses: readonly Address[]): void {
  onDisk(dir, () => writePrivate(join(dir, 'fabric.json'), `${JSON.stringify({ addresses: addresses.map(formatAddress) })}\n`));
}
