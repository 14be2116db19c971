/** Every strategy of discovery, and what each is told. Pure. */
import { parseAddress, type Address } from '../address.ts';

interface KeySpec<T> {
  readonly expected: string;
  /** Undefined for what is not as expected. */
  readonly read: (text: string) => T | undefined;
  /** As typed. Without one the key must be given. */
  readonly standard?: string;
}

type StrategyKeys = Readonly<Record<string, KeySpec<unknown> & { readonly isOptional?: true }>>;

export interface StrategySpec {
  readonly summary: string;
  readonly keys: StrategyKeys;
  /** Exactly one of these must be given. */
  readonly oneOf?: readonly string[];
}

const GOSSIP_PORT = 7946;
/** As many sessions as a node can have. */
const PEERS_MAX = 1_024;

const name: KeySpec<string> = { expected: 'a name, such as mesh.example', read: (given) => (/^[A-Za-z0-9_.-]{1,253}$/.test(given) ? given : undefined) };
const path: KeySpec<string> = { expected: 'a path', read: (given) => (given === '' ? undefined : given) };
const port: KeySpec<number> = { expected: 'a port from 1 to 65535', standard: String(GOSSIP_PORT), read: (given) => whole(given, 1, 65_535) };
const peers: KeySpec<readonly Address[]> = {
  expected: `host or host:port, such as 127.0.0.2 or node-1:${GOSSIP_PORT}; a list with commas, at most ${PEERS_MAX}`,
  read(given) {
    const addresses = given.split(',').map((each) => address(each.trim(), GOSSIP_PORT));
    return addresses.length <= PEERS_MAX && addresses.every((each) => each !== undefined) ? addresses : undefined;
  },
};

/** Names are asked for again after this. */
const every: KeySpec<number> = { expected: 'a time from 1s to 1h, such as 30s', standard: '30s', read: (given) => spanMs(given, 1_000, 3_600_000) };
const resolver = optional({
  expected: 'the IP address of a name server, such as 127.0.0.1 or 127.0.0.1:5353',
  read: (given) => {
    const parsed = address(given, 53);
    return parsed !== undefined && /^[\d.]+$|:/.test(parsed.host) ? parsed : undefined;
  },
});

/** A secret is never given in the spec itself. */
const secret = {
  'secret-file': optional({ expected: 'a path', read: (given: string) => (given === '' ? undefined : given) }),
  'secret-env': optional({ expected: 'the name of a variable', read: (given: string) => (/^[A-Za-z_]\w{0,127}$/.test(given) ? given : undefined) }),
};
const SECRET_FROM = ['secret-file', 'secret-env'];
/** How often nodes call; who was silent for three and a half times as long is gone. */
const calls: KeySpec<number> = { expected: 'a time from 1s to 1m, such as 10s', standard: '10s', read: (given) => spanMs(given, 1_000, 60_000) };
/** Not the port of gossip: that belongs to one node, this to all. */
const callPort: KeySpec<number> = { ...port, standard: '7948' };
/** Of those that stay within an organisation (RFC 2365). */
const group: KeySpec<string> = {
  expected: 'a multicast group from 239.0.0.0 to 239.255.255.255',
  standard: '239.255.79.46',
  read: (given) => (given.startsWith('239.') && address(given, 1)?.host === given ? given : undefined),
};

/** RFC 6763, 7: two labels with an underscore, and the domain of multicast DNS. */
const service: KeySpec<string> = {
  expected: 'a service such as _omega-mesh._udp.local',
  standard: '_omega-mesh._udp.local',
  read: (given) => (/^_[A-Za-z0-9-]{1,15}\._(udp|tcp)\.local$/.test(given) ? given : undefined),
};

/** RFC 1123, as names of Kubernetes are. */
const label: KeySpec<string> = { expected: 'a name of small letters, digits and -', read: (given) => (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(given) ? given : undefined) };

export const STRATEGIES = {
  static: { summary: 'a list of addresses', keys: { peers } },
  dns: { summary: 'the A and AAAA records of a name', keys: { name, port, resolver, every } },
  srv: { summary: 'the SRV records of a name', keys: { name, resolver, every } },
  multicast: { summary: 'nodes that call to a multicast group, and know the secret', keys: { group, port: callPort, every: calls, ...secret }, oneOf: SECRET_FROM },
  broadcast: { summary: 'nodes that call to the broadcast address of --bind, and know the secret', keys: { port: callPort, every: calls, ...secret }, oneOf: SECRET_FROM },
  mdns: { summary: 'instances of a service of multicast DNS', keys: { service, port: { ...port, standard: '5353' }, every } },
  k8s: { summary: 'the endpoints of a Kubernetes service', keys: { namespace: { ...label, standard: 'default' }, service: label, 'port-name': optional(label), kubeconfig: optional(path) } },
  file: { summary: 'a file with an address a line; read again when it changes', keys: { path, port } },
} as const satisfies Readonly<Record<string, StrategySpec>>;

/** The address a person wrote; undefined for what is none, and for port 0, which nobody listens on. */
function address(given: string, defaultPort: number): Address | undefined {
  try {
    const parsed = parseAddress(given, defaultPort);
    return parsed.port === 0 ? undefined : parsed;
  } catch {
    return undefined;
  }
}

function optional<T>(key: Omit<KeySpec<T>, 'standard'>): Omit<KeySpec<T>, 'standard'> & { readonly isOptional: true } {
  return { ...key, isOptional: true };
}

function spanMs(given: string, minMs: number, maxMs: number): number | undefined {
  const [, number = '', unit = ''] = /^(\d{1,7})(ms|s|m|h)$/.exec(given) ?? [];
  const ms = Number(number) * (UNIT_MS[unit] ?? Number.NaN);
  return ms >= minMs && ms <= maxMs ? ms : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function whole(given: string, min: number, max: number): number | undefined {
  const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
