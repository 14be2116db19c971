/** Joining a trust domain by a token: what `mesh join` does, and leaves on disk for whoever starts next. */
import { join } from 'node:path';
import { parseAddress, type Address } from './address.ts';
import { writeKeyring } from './data-dir/keyring-file.ts';
import { rememberedPeers } from './data-dir/remembered-peers.ts';
import { MeshError } from './errors.ts';
import { attest, fetchPinnedBundle, type Attested } from './transport/attest-client.ts';
import { makeRequest } from './trust/authority.ts';
import { writeBundleFile } from './trust/bundle-file.ts';
import { writeFabricAddresses } from './trust/fabric-file.ts';
import { writeIdentity } from './trust/identity-files.ts';
import type { Identity } from './trust/identity-source.ts';
import { makePrivateDir, onDisk } from './trust/private-files.ts';
import { writeRing } from './trust/ring-file.ts';
import type { HeldBundle } from './trust/signed-bundle.ts';
import type { Token } from './trust/token.ts';
import { forgetWorkloadApi } from './trust/workload-api-file.ts';

export interface Joining {
  readonly token: Token;
  /** Trust ports of nodes that hold the authority; the first that answers is enough. */
  readonly fabric: readonly [Address, ...Address[]];
  /** Where the identity is kept. */
  readonly trustDir: string;
  /** Of a node, where it finds whom to join. */
  readonly dataDir: string | undefined;
}

export interface Joined {
  readonly identity: Identity;
  readonly gossipSeeds: readonly string[];
  readonly isGossipEncrypted: boolean;
}

/** Beside the identity; a node that is not told of another keyring takes this one. */
export function handedKeyring(trustDir: string): string {
  return join(trustDir, 'gossip-keys.json');
}

/** @throws MeshError as `fetchPinnedBundle`, `attest` and `writeIdentity` */
export async function joinDomain({ token, fabric, trustDir, dataDir }: Joining): Promise<Joined> {
  // What cannot be kept is not asked for: the token is worth one identity.
  onDisk(trustDir, () => makePrivateDir(trustDir));
  const { identity, gossipKeys, gossipRing, gossipSeeds, document } = await attestAtOne(token, fabric);
  // Before the identity: who reads that one takes this for what it came with.
  writeBundleFile(trustDir, document);
  writeIdentity(trustDir, identity);
  writeFabricAddresses(trustDir, fabric);
  forgetWorkloadApi(trustDir);
  if (dataDir !== undefined) {
    onDisk(dataDir, () => {
      if (gossipRing.length > 0) writeRing(trustDir, gossipRing);
      if (gossipKeys.length > 0) writeKeyring(handedKeyring(trustDir), gossipKeys);
      const peers = rememberedPeers(join(dataDir, 'peers.json'));
      peers.save([...gossipSeeds.map((seed) => parseAddress(seed, 0)), ...peers.load()]);
    });
  }
  return { identity, gossipSeeds, isGossipEncrypted: gossipKeys.length > 0 || gossipRing.length > 0 };
}

/** One key for all: a Fabric that had answered, and whose answer was lost, answers it again. */
async function attestAtOne({ id, pin, secret }: Token, [first, ...others]: readonly [Address, ...Address[]]): Promise<Attested & { readonly document: HeldBundle }> {
  const request = await makeRequest();
  const tryAt = async (address: Address): Promise<Attested & { readonly document: HeldBundle }> => {
    const document = await fetchPinnedBundle(address, pin, id.trustDomain);
    return { ...(await attest({ address, bundle: document.bundle, request, evidence: { kind: 'join_token', secret } })), document };
  };
  let attempt = tryAt(first);
  for (const address of others) {
    attempt = attempt.catch((error: unknown) => {
      if (error instanceof MeshError && error.code === 'NODE_UNREACHABLE') return tryAt(address);
      throw error;
    });
  }
  return attempt;
}
