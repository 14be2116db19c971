/** Every strategy of discovery, and what each is told. Pure. */
import { parseAddress, type Address } from '../address.ts';

interface KeySpec<T> {
  readonly expected: string;
  /** Undefined for what is not as expected. */
  readonly read: (text: string) => T | undefined;
  /** As typed. Without one the key must be given. */
  readonly standard?: string;
}

export type StrategyKeys = Readonly<Record<string, KeySpec<unknown> & { readonly isOptional?: true }>>;

interface StrategySpec {
  readonly summary: string;
  readonly keys: StrategyKeys;
}

const GOSSIP_PORT = 7946;
/** As many sessions as a node can have. */
const PEERS_MAX = 1_024;

const text: KeySpec<string> = { expected: 'a value', read: (given) => (given === '' ? undefined : given) };
const path: KeySpec<string> = { ...text, expected: 'a path' };
const port: KeySpec<number> = { expected: 'a port from 1 to 65535', standard: String(GOSSIP_PORT), read: (given) => whole(given, 1, 65_535) };
const peers: KeySpec<readonly Address[]> = {
  expected: `host or host:port, such as 127.0.0.2 or node-1:${GOSSIP_PORT}; a list with commas, at most ${PEERS_MAX}`,
  read(given) {
    const addresses = given.split(',').map((each) => address(each.trim(), GOSSIP_PORT));
    return addresses.length <= PEERS_MAX && addresses.every((each) => each !== undefined) ? addresses : undefined;
  },
};

export const STRATEGIES = {
  static: { summary: 'a list of addresses', keys: { peers } },
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

function whole(given: string, min: number, max: number): number | undefined {
  const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
