/** Which of what a source holds is tried, and why the rest is not. */
import { formatAddress } from '../../address.ts';
import { isLoopback } from '../../loopback.ts';
import type { Candidate, SourceRefusal } from '../../transport/discovery/discovery.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';

export type RefusalReason = SourceRefusal | 'self' | 'twice' | 'other-family' | 'beyond-loopback' | 'too-many';

export type Verdict =
  | { readonly given: string; readonly isTaken: true; readonly address: GossipAddress }
  | { readonly given: string; readonly isTaken: false; readonly reason: RefusalReason; readonly why: string };

/** Taken of one source: as many sessions as a node can have. */
export const TAKEN_MAX = 1_024;

/** @param self where this node gossips */
export function judge(candidates: readonly Candidate[], self: GossipAddress): Verdict[] {
  const taken = new Set<string>();
  return candidates.map((candidate) => {
    const { given } = candidate;
    if ('refusal' in candidate) return { given, isTaken: false, reason: candidate.refusal, why: candidate.why };
    const address = { host: plainHost(candidate.address.host), port: candidate.address.port };
    const refused = refusalOf(address, self, taken);
    if (refused !== undefined) return { given, isTaken: false, ...refused };
    taken.add(formatAddress(address));
    return { given, isTaken: true, address };
  });
}

function refusalOf(address: GossipAddress, self: GossipAddress, taken: ReadonlySet<string>): { readonly reason: RefusalReason; readonly why: string } | undefined {
  const text = formatAddress(address);
  const { host, port } = address;
  if (text === formatAddress({ ...self, host: plainHost(self.host) })) return { reason: 'self', why: `${text} is this node` };
  if (taken.has(text)) return { reason: 'twice', why: `${text} was found before` };
  if (port < 1 || port > 65_535 || NOBODYS_HOST.test(host)) return { reason: 'bad-address', why: `no node can be at ${text}` };
  if (host.includes(':') !== self.host.includes(':')) return { reason: 'other-family', why: `${text} cannot be reached from ${self.host}: one is IPv4, one is IPv6` };
  if (isLoopback(self.host) && !isLoopback(host)) return { reason: 'beyond-loopback', why: `${text} is beyond loopback, and this node listens on ${self.host} only` };
  if (taken.size >= TAKEN_MAX) return { reason: 'too-many', why: `${TAKEN_MAX} of this source are taken` };
  return undefined;
}

/** Unspecified, multicast and broadcast: RFC 1122, 3.2.1.3 and RFC 4291, 2.5.2 and 2.7. */
const NOBODYS_HOST = /^(0\.0\.0\.0|255\.255\.255\.255|2(2[4-9]|3\d)\..*|::|ff..:.*)$/i;

/** One spelling for each IPv6 address. */
export function plainHost(host: string): string {
  return host.includes(':') && URL.canParse(`http://[${host}]`) ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host;
}
