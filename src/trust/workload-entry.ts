/** A program beside a node, which gets its identity over a socket of its own: who opens the socket is who it is. Pure. */
import { MeshError } from '../errors.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';

export interface WorkloadEntry {
  readonly id: SpiffeId;
  /** Absolute path. */
  readonly socket: string;
  /** Name or number of the group whose members may open it too. */
  readonly group: string | undefined;
}

/** Each has a listener, and a certificate that is renewed twice an hour. */
export const WORKLOADS_MAX = 64;

/**
 * Who is meant by `web` (a workload of this node), `node/n2`, `agent/a1` or a SPIFFE ID.
 * @throws MeshError BAD_IDENTITY, WRONG_TRUST_DOMAIN
 */
export function workloadNamed(text: string, node: SpiffeId): SpiffeId {
  const { trustDomain } = node;
  if (!text.includes('/')) return parseSpiffeId(`spiffe://${trustDomain}/workload/${node.name}/${text}`);
  if (!text.startsWith('spiffe://')) return parseSpiffeId(`spiffe://${trustDomain}/${text}`);
  const id = parseSpiffeId(text);
  if (id.trustDomain === trustDomain) return id;
  throw new MeshError('WRONG_TRUST_DOMAIN', `${text} is not of the trust domain ${trustDomain}`, { given: text, expected: trustDomain });
}

/** Who makes what a node serves: the authority that it keeps, its Trust Fabric, or nobody, where its own comes from a Workload API. */
export type WorkloadIssuer = 'authority' | 'fabric' | 'nobody';

/**
 * A node vouches for its own workloads. Where the authority is kept a person may give away what a token would be worth as well;
 * an admin is a person, who has a role besides.
 * @throws MeshError REFUSED
 */
export function checkServable(id: SpiffeId, node: SpiffeId, issuer: WorkloadIssuer): void {
  const given = formatSpiffeId(id);
  if (issuer === 'nobody') {
    throw new MeshError('REFUSED', `${node.name} has its own identity from a Workload API, and none to give`, { given, expected: 'a node that keeps an authority, or has joined by a token', todo: 'register the program where the identity of this node is registered' });
  }
  if (id.kind === 'workload') {
    if (id.name.startsWith(`${node.name}/`)) return;
    throw new MeshError('REFUSED', `${given} is a workload of another node`, { given, expected: `workloads of ${node.name}`, todo: 'add it on that node' });
  }
  if (id.kind === 'admin') throw new MeshError('REFUSED', `${given} is a person, and gets an identity by a token`, { given, todo: 'use `mesh token create --admin`' });
  if (formatSpiffeId(node) === given) throw new MeshError('REFUSED', `${given} is this node itself`, { given, expected: 'a program beside it' });
  if (issuer !== 'authority') {
    throw new MeshError('REFUSED', `only a node that keeps the authority can serve the identity of the ${id.kind} ${id.name}`, { given, expected: `workloads of ${node.name}`, todo: `use \`mesh token create --${id.kind} ${id.name}\` on the machine of the authority` });
  }
}

/** Names its actor, and its socket where no other is asked for. */
export function workloadLabel({ kind, name }: SpiffeId): string {
  return kind === 'workload' ? name.slice(name.indexOf('/') + 1) : `${kind}:${name}`;
}
