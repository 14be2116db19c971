/** From EndpointSlices to addresses. Pure. */
import type { V1EndpointSlice, V1ObjectMeta } from '@kubernetes/client-node';
import { CANDIDATES_MAX, type Candidate } from './discovery.ts';

/** What is read of one, as plain data. */
export type EndpointSlice = Pick<V1EndpointSlice, 'addressType' | 'endpoints' | 'ports'> & { readonly metadata?: Pick<V1ObjectMeta, 'name' | 'namespace' | 'resourceVersion'> };

/** @param portName which of a slice's ports is that of gossip; its only one when left out */
export function candidatesOf(slices: readonly EndpointSlice[], portName: string | undefined): Candidate[] {
  return slices.flatMap((slice) => candidatesIn(slice, portName)).slice(0, CANDIDATES_MAX);
}

function candidatesIn({ addressType, endpoints, ports }: EndpointSlice, portName: string | undefined): Candidate[] {
  const known = ports ?? [];
  const port = portName === undefined ? (known.length === 1 ? known[0] : undefined) : known.find(({ name }) => name === portName);
  const names = known.map(({ name }) => (name === undefined || name === '' ? 'one without a name' : name)).join(', ');
  return (endpoints ?? []).map(({ addresses, conditions, targetRef }): Candidate => {
    // All addresses of an endpoint are as good as the first.
    const [host = ''] = addresses;
    const given = targetRef?.name ?? host;
    if (addressType === 'FQDN') return { given, refusal: 'unresolvable', why: `${host} is a name, which slices of addresses no longer have` };
    if (port?.port === undefined) return { given, refusal: 'other-port', why: `${portName === undefined ? 'no port-name was given' : `there is no port ${portName}`}; its ports: ${names === '' ? 'none' : names}` };
    // Those that are not ready yet are taken: a pod may become ready by joining.
    if (conditions?.terminating === true) return { given, refusal: 'not-ready', why: 'it is being stopped' };
    return { given, address: { host, port: port.port } };
  });
}
