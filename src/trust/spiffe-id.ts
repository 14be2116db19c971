/**
 * Who somebody is: `spiffe://<trust domain>/<kind>/<name>`. The characters are those of the SPIFFE ID standard (sections
 * 2.1 to 2.4: no percent encoding, no user, port, query or fragment), so that every SPIFFE-aware program reads the same.
 */
import { MeshError } from '../errors.ts';

/**
 * A node is a peer of the mesh, an agent reports to one, an admin is a person or program that asks one. A workload is a program
 * beside a node, which vouches for it: nobody of the mesh, but somebody of its trust domain.
 */
const IDENTITY_KINDS = ['node', 'agent', 'admin', 'workload'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

export interface SpiffeId {
  readonly trustDomain: string;
  readonly kind: IdentityKind;
  /** Of a node its gossip name, of an agent its id; of a workload `<node>/<name>`: what one node says says nothing about those of another. */
  readonly name: string;
}

/** SPIFFE ID standard, section 2.1. */
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
/** SPIFFE ID standard, section 2.2; as long as the name of a node or the id of an agent may be. */
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;
const FORM = /^spiffe:\/\/([^/]*)\/([^/]*)\/(.*)$/;

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text);
}

function isKind(text: string | undefined): text is IdentityKind {
  return IDENTITY_KINDS.some((kind) => kind === text);
}

function isNameOf(kind: IdentityKind, name: string): boolean {
  const [first = '', second, ...others] = name.split('/');
  return NAME.test(first) && others.length === 0 && (kind === 'workload' ? second !== undefined && NAME.test(second) : second === undefined);
}

/** Throws BAD_IDENTITY where the text is not an ID of a mesh. */
export function parseSpiffeId(uri: string): SpiffeId {
  const [, trustDomain = '', kind, name = ''] = FORM.exec(uri) ?? [];
  if (!isTrustDomain(trustDomain) || !isKind(kind) || !isNameOf(kind, name)) {
    throw new MeshError('BAD_IDENTITY', `"${uri.slice(0, 300)}" is not an identity of a mesh`, {
      given: uri.slice(0, 300),
      expected: 'spiffe://<trust domain>/node/<name>, /agent/<id>, /admin/<name> or /workload/<node>/<name>, such as spiffe://omega.test/node/n1',
    });
  }
  return { trustDomain, kind, name };
}

/** Throws BAD_IDENTITY where a part has characters that no SPIFFE ID can have. */
export function formatSpiffeId({ trustDomain, kind, name }: SpiffeId): string {
  const uri = `spiffe://${trustDomain}/${kind}/${name}`;
  parseSpiffeId(uri);
  return uri;
}
