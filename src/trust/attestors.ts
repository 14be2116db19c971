/** The ways in which somebody proves to an authority who it is. One more (a TPM, a cloud's document) is one more of these. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { MeshError } from '../errors.ts';
import { roleIn } from './admin-role.ts';
import { certificatesIn, publicKeyIn, type AttestMethod } from './attestation.ts';
import { requestedKey, type AdminRole } from './authority.ts';
import type { Bundle } from './bundle.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';
import { validity, verifyChain } from './svid.ts';
import { redeemToken } from './token-files.ts';
import { tokenName } from './token.ts';

/** What was sent to prove it. */
export interface Evidence {
  /** PKCS #10, DER. */
  readonly request: Uint8Array;
  readonly secret: Uint8Array;
  readonly chain: readonly Uint8Array[];
  /** Which of its workloads a node asks for. */
  readonly workload: string;
}

export interface Attested {
  readonly id: SpiffeId;
  /** Who asked, where that is another. */
  readonly by?: SpiffeId;
  readonly role: AdminRole | undefined;
  /** When the certificate was made that proves it; undefined where something else does. */
  readonly notBeforeMs: number | undefined;
}

export interface Attestor {
  /** Which key must have signed the challenge. @throws MeshError */
  provingKey(evidence: Evidence): Promise<KeyObject>;
  /** Who it is; asked once the challenge has been answered. @throws MeshError */
  attest(evidence: Evidence, nowMs: number): Promise<Attested>;
}

/** A token is worth one identity, for the key of the request. */
function joinToken(authorityDir: string): Attestor {
  return {
    provingKey: async ({ request }) => publicKeyIn(await requestedKey(request)),
    attest: async ({ request, secret }, nowMs) => ({ ...redeemToken(authorityDir, secret, tokenName(await requestedKey(request)), nowMs), notBeforeMs: undefined }),
  };
}

function leafIn({ chain }: Evidence): X509Certificate {
  const [leaf] = certificatesIn(chain);
  if (leaf !== undefined) return leaf;
  throw new MeshError('MALFORMED', 'a proof without a certificate', { expected: 'the chain of an SVID, leaf first' });
}

/** Who has a certificate that still holds gets another for the same name: this is how identities are renewed. */
function x509pop(bundle: () => Bundle): Attestor {
  return {
    provingKey: (evidence) => Promise.resolve(leafIn(evidence).publicKey),
    attest: (evidence, nowMs) => {
      const id = verifyChain(certificatesIn(evidence.chain), bundle(), nowMs);
      const leaf = leafIn(evidence);
      if (id.kind === 'workload') throw notPermitted(id, 'the identity of a workload comes from its node, for as long as that vouches for it', 'ask the Workload API of that node');
      return Promise.resolve({ id, role: id.kind === 'admin' ? roleIn(leaf) : undefined, notBeforeMs: validity(leaf).notBeforeMs });
    },
  };
}

/** A node vouches for the programs beside it, each below its own name: it can be none of another node's. */
function workload(bundle: () => Bundle): Attestor {
  return {
    provingKey: (evidence) => Promise.resolve(leafIn(evidence).publicKey),
    attest: (evidence, nowMs) => {
      const by = verifyChain(certificatesIn(evidence.chain), bundle(), nowMs);
      if (by.kind !== 'node') throw notPermitted(by, 'only nodes have workloads', 'ask as a node');
      const id = parseSpiffeId(`spiffe://${by.trustDomain}/workload/${by.name}/${evidence.workload}`);
      return Promise.resolve({ id, by, role: undefined, notBeforeMs: validity(leafIn(evidence)).notBeforeMs });
    },
  };
}

function notPermitted(id: SpiffeId, why: string, todo: string): MeshError {
  const given = formatSpiffeId(id);
  return new MeshError('NOT_PERMITTED', `${given} gets nothing this way: ${why}`, { given, todo });
}

export function attestorsOf(authorityDir: string, bundle: () => Bundle): Readonly<Record<AttestMethod, Attestor>> {
  return { join_token: joinToken(authorityDir), x509pop: x509pop(bundle), workload: workload(bundle) };
}
