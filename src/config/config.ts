/**
 * What a node is told before it starts: shape, defaults, limits. Flags win over the environment, the environment over
 * the file, the file over the defaults. Pure: reading the file is the caller's work.
 */
import { z } from 'zod';
import { parseAddress, type Address } from '../address.ts';
import { didYouMean, faultsAsError, shown, type ConfigFault } from './config-fault.ts';
import { readConfigFile, type FileValue } from './config-file.ts';
import { GRPC_PORT_DEFAULT } from './default-ports.ts';
import { readDiscoverSpec, type DiscoverSpec, type SpecFault } from './discover-spec.ts';
import { GOSSIP_KEYS, gossipFaults, type GossipConfig } from './gossip-keys.ts';
import { absolutePath, defaultDataDir } from './home-path.ts';
import { SWITCH, type KeySpec, type Switch } from './key-spec.ts';
import type { LogLevel } from '../log.ts';
import { nearestWord } from '../nearest-word.ts';
import { ENDPOINT_VARIABLE, TRUST_KEYS, trustFaults, type TrustConfig } from './trust-keys.ts';

/** Timing presets of the gossip protocol; the numbers are the membership room's. */
const PROFILES = ['lan', 'wan', 'local'] as const;
type Profile = (typeof PROFILES)[number];

/** Repeated from log.ts, which loads the whole logger: a command that only asks a node needs none. */
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const satisfies readonly LogLevel[];

export interface Config extends GossipConfig, TrustConfig {
  readonly name: string;
  /** IP address that every listener binds to. */
  readonly bind: string;
  /** UDP and TCP; 0 takes any free port. */
  readonly gossipPort: number;
  /** TCP; 0 takes any free port. */
  readonly grpcPort: number;
  /** Gossip addresses of nodes to join; any one that answers is enough. */
  readonly join: readonly Address[];
  /** Where else to look for them, for ever. */
  readonly discover: readonly DiscoverSpec[];
  /** Absolute path. */
  readonly dataDir: string;
  /** What the members of the mesh are told about this node. */
  readonly tag: Readonly<Record<string, string>>;
  readonly profile: Profile;
  /** Whether gossip runs in a thread of its own, so that a main thread that is busy does not make the node look dead. */
  readonly gossipThread: Switch;
  readonly logLevel: LogLevel;
  /** How long the loop may stand still before the log says so. */
  readonly degradedMs: number;
  /** How long it may stand still before the process ends; 0 for ever. */
  readonly stallLimitMs: number;
}

export type ConfigKey = keyof Config;

const GOSSIP_PORT_DEFAULT = 7946;
/** A person notices a second, and nothing that a node does takes one. */
const DEGRADED_MS_DEFAULT = 1_000;
/** Peers have buried a node that was silent for so long; what keeps it is no load any more. */
const STALL_LIMIT_MS_DEFAULT = 30_000;
/** A node that finds none of this many seeds has another problem than too few of them. */
const JOIN_MAX = 64;
/** Each is an actor, and some have a socket. */
const DISCOVER_MAX = 16;
/** Tags travel with every announcement of a node. */
const TAGS_MAX = 32;
const TAGS_BYTES_MAX = 300;
/** Names travel in every gossip packet of at most 1,400 bytes. No dot in front: a name is also a directory. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

const port = z.int().min(0).max(65_535);
const seed = z.string().transform((text, context): Address => {
  try {
    const address = parseAddress(text, GOSSIP_PORT_DEFAULT);
    if (address.port !== 0) return Object.freeze(address);
  } catch {
    // Told below, with where it stands.
  }
  context.addIssue('not an address');
  return z.NEVER;
});
const discoverSpec = z.string().transform((text, context): DiscoverSpec => {
  const read = readDiscoverSpec(text);
  if ('spec' in read) return read.spec;
  context.addIssue({ code: 'custom', params: { fault: read.fault } });
  return z.NEVER;
});
/** Where a node takes sessions and its signature stand beside them, in 512 bytes. */
const tags = z
  .array(z.string().regex(/^(?!(?:grpc|sig)=)[^=]+=/))
  .max(TAGS_MAX)
  .transform((texts) => Object.freeze(Object.fromEntries(texts.map((text): [string, string] => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]))))
  .refine((all) => Buffer.byteLength(JSON.stringify(all)) <= TAGS_BYTES_MAX);
const PORT_EXPECTED = 'a whole number from 0 to 65535, where 0 takes any free port';

/** Every key there is, in the order in which help shows them. */
export const CONFIG_KEYS = {
  name: {
    placeholder: 'name',
    summary: 'name of this node, unique in its mesh',
    default: 'the host name',
    expected: '1 to 128 letters, digits, ".", "_" or "-", not starting with "."',
    schema: z.string().regex(NAME),
  },
  bind: {
    placeholder: 'ip',
    summary: 'IP address to listen on; beyond loopback only with an identity from `mesh init` or `mesh join`',
    default: '127.0.0.1',
    expected: 'an IP address, such as 127.0.0.1 or ::1',
    schema: z.union([z.ipv4(), z.ipv6()]),
  },
  gossipPort: {
    placeholder: 'port',
    summary: 'port for gossip, UDP and TCP; 0 takes any free one',
    default: String(GOSSIP_PORT_DEFAULT),
    expected: PORT_EXPECTED,
    schema: port,
  },
  grpcPort: {
    placeholder: 'port',
    summary: 'port for peers and agents, TCP; 0 takes any free one',
    default: String(GRPC_PORT_DEFAULT),
    expected: PORT_EXPECTED,
    schema: port,
  },
  join: {
    placeholder: 'host[:port]',
    summary: 'gossip address of a node to join; may be repeated',
    default: 'none',
    expected: `host or host:port, such as 127.0.0.2 or node-1:${GOSSIP_PORT_DEFAULT}; in a file a list of them, at most ${JOIN_MAX}`,
    schema: z.array(seed).max(JOIN_MAX),
  },
  discover: {
    placeholder: 'spec',
    summary: 'where to look for nodes to join, such as "file path=peers.txt"; may be repeated; `mesh discover test` tries one',
    default: 'none',
    expected: `a strategy and what it is told, such as "static peers=127.0.0.2,127.0.0.3"; a list of at most ${DISCOVER_MAX}`,
    schema: z.array(discoverSpec).max(DISCOVER_MAX),
  },
  dataDir: {
    placeholder: 'path',
    summary: 'directory for the registry, the log and the admin socket',
    default: '~/.omega-mesh/<name>',
    expected: 'a path',
    schema: z.string().min(1),
  },
  tag: {
    placeholder: 'key=value',
    summary: 'what the members are told about this node; may be repeated',
    default: 'none',
    expected: `key=value, such as role=web; a list of at most ${TAGS_MAX}, ${TAGS_BYTES_MAX} bytes in all, without the keys grpc and sig`,
    schema: tags,
  },
  profile: {
    placeholder: PROFILES.join('|'),
    summary: 'timing of the gossip protocol',
    default: 'lan',
    expected: 'lan, wan or local',
    schema: z.enum(PROFILES),
    choices: PROFILES,
  },
  gossipThread: {
    placeholder: SWITCH.join('|'),
    summary: 'whether gossip runs in a thread of its own',
    default: 'on; off for a node inside another program',
    expected: 'on or off',
    schema: z.enum(SWITCH),
    choices: SWITCH,
  },
  ...TRUST_KEYS,
  ...GOSSIP_KEYS,
  logLevel: {
    placeholder: LOG_LEVELS.join('|'),
    summary: 'least severe lines that are logged',
    default: 'info',
    expected: 'error, warn, info or debug',
    schema: z.enum(LOG_LEVELS),
    choices: LOG_LEVELS,
  },
  degradedMs: {
    placeholder: 'ms',
    summary: 'how long the loop may stand still before the log says so',
    default: String(DEGRADED_MS_DEFAULT),
    expected: 'a whole number of milliseconds from 100 to 60000',
    schema: z.int().min(100).max(60_000),
  },
  stallLimitMs: {
    placeholder: 'ms',
    summary: 'how long the loop may stand still before the node ends with exit code 73; 0 never',
    default: String(STALL_LIMIT_MS_DEFAULT),
    expected: 'a whole number of milliseconds from 1000 to 3600000, or 0',
    schema: z.union([z.literal(0), z.int().min(1_000).max(3_600_000)]),
  },
} as const satisfies Record<ConfigKey, KeySpec>;

const KEYS = Object.keys(CONFIG_KEYS) as ConfigKey[];

/** Whether a flag can give it. */
export function hasFlag(key: ConfigKey): boolean {
  const spec: KeySpec = CONFIG_KEYS[key];
  return spec.isSecret !== true;
}

/** `gossipPort` → `--gossip-port` */
export function flagOf(key: ConfigKey): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `gossipPort` → `MESH_GOSSIP_PORT` */
export function variableOf(key: ConfigKey): string {
  return `MESH_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Variables that are not keys: MESH_DEBUG shows stack traces, MESH_ADMIN says who asks a node elsewhere. */
const OTHER_VARIABLES = ['MESH_ADMIN', 'MESH_DEBUG'];

export interface ConfigSources {
  /** As typed; a list for `join` and `tag`. */
  readonly flags: Readonly<Partial<Record<ConfigKey, string | readonly string[]>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: { readonly path: string; readonly text: string } | undefined;
  readonly hostName: string;
  readonly home: string;
  /** Whether the node has the process to itself, as with `mesh start`: then gossip gets a thread if nothing else is said. */
  readonly isOwnProcess?: boolean;
}

/** One value from one source. */
interface Given {
  readonly value: unknown;
  /** Where the value stands, or one item of it, so that "<subject> is …" reads well. */
  readonly subject: (item?: number) => string;
}

/** @throws MeshError BAD_CONFIG or BAD_ADDRESS that tells every fault; BAD_CONFIG when they differ. */
export function readConfig(sources: ConfigSources): { readonly config: Config; readonly warnings: readonly string[] } {
  const faults: ConfigFault[] = [];
  const file = sources.file && { path: sources.file.path, values: readConfigFile(sources.file, KEYS, faults) };
  const value = <K extends ConfigKey>(key: K, whenAbsent: Config[K]): Config[K] => {
    const given = givenFor(key, sources, file);
    // A faulty value never gets out: the faults are thrown below.
    return given === undefined ? whenAbsent : ((check(key, given, faults) as Config[K] | undefined) ?? whenAbsent);
  };

  const keyring = value('gossipKeyring', undefined);
  const name = value('name', nameFromHost(sources.hostName));
  const trustSource = value('trustSource', undefined);
  const config: Config = {
    name,
    bind: value('bind', CONFIG_KEYS.bind.default),
    gossipPort: value('gossipPort', GOSSIP_PORT_DEFAULT),
    grpcPort: value('grpcPort', GRPC_PORT_DEFAULT),
    trustSource,
    workloadSocket: value('workloadSocket', trustSource === 'workload-api' ? endpointIn(sources.env, faults) : undefined),
    trustPort: value('trustPort', undefined),
    join: Object.freeze(value('join', [])),
    discover: Object.freeze(value('discover', [])),
    dataDir: absolutePath(value('dataDir', defaultDataDir(sources.home, name)), sources.home),
    tag: value('tag', {}),
    profile: value('profile', CONFIG_KEYS.profile.default),
    pq: value('pq', CONFIG_KEYS.pq.default),
    svidTtlMs: value('svidTtlMs', Number(CONFIG_KEYS.svidTtlMs.default)),
    gossipThread: value('gossipThread', sources.isOwnProcess === true ? 'on' : 'off'),
    gossipKeyring: keyring === undefined ? undefined : absolutePath(keyring, sources.home),
    gossipKey: value('gossipKey', undefined),
    gossipEncryption: value('gossipEncryption', 'on'),
    gossipKeyRotationMs: value('gossipKeyRotationMs', Number(CONFIG_KEYS.gossipKeyRotationMs.default)),
    gossipVerifyIncoming: value('gossipVerifyIncoming', 'on'),
    gossipVerifyOutgoing: value('gossipVerifyOutgoing', 'on'),
    gossipLabel: value('gossipLabel', ''),
    gossipCompression: value('gossipCompression', 'on'),
    gossipApplication: value('gossipApplication', 'serf'),
    logLevel: value('logLevel', CONFIG_KEYS.logLevel.default),
    degradedMs: value('degradedMs', DEGRADED_MS_DEFAULT),
    stallLimitMs: value('stallLimitMs', STALL_LIMIT_MS_DEFAULT),
  };
  faults.push(...portFaults(config), ...gossipFaults(config), ...trustFaults(config), ...stallFaults(config));
  const [first, ...others] = faults;
  if (first !== undefined) throw faultsAsError([first, ...others]);
  return { config: Object.freeze(config), warnings: unknownVariables(sources.env) };
}

function endpointIn(env: ConfigSources['env'], faults: ConfigFault[]): string | undefined {
  const value = env[ENDPOINT_VARIABLE];
  if (value === undefined || value === '') return undefined;
  return check('workloadSocket', { value, subject: () => ENDPOINT_VARIABLE }, faults) as string | undefined;
}

function givenFor(
  key: ConfigKey,
  { flags, env }: ConfigSources,
  file: { readonly path: string; readonly values: ReadonlyMap<string, FileValue> } | undefined,
): Given | undefined {
  const flag = flags[key];
  if (flag !== undefined) return { value: fromText(key, flag), subject: () => flagOf(key) };
  const variable = env[variableOf(key)];
  // Compose files and unit files set what they leave open to nothing.
  if (variable !== undefined && variable !== '') return { value: fromText(key, variable), subject: () => variableOf(key) };
  const inFile = file?.values.get(key);
  if (file === undefined || inFile === undefined) return undefined;
  return {
    value: inFile.value,
    subject: (item) => `${file.path}:${(item === undefined ? undefined : inFile.itemLines[item]) ?? inFile.line}: ${key}`,
  };
}

const NUMBERS: ReadonlySet<ConfigKey> = new Set(['gossipPort', 'grpcPort', 'trustPort', 'svidTtlMs', 'gossipKeyRotationMs', 'degradedMs', 'stallLimitMs']);

/** What parts the items where one text holds several. Specs have commas and spaces in them. */
const LISTS: Readonly<Partial<Record<ConfigKey, string>>> = { join: ',', discover: ';' };

/** Flags and variables are text; numbers and lists are made of it here, and what is neither stays text and fails. */
function fromText(key: ConfigKey, given: string | readonly string[]): unknown {
  const texts = typeof given === 'string' ? [given] : given;
  const parted = LISTS[key];
  if (parted !== undefined) return texts.flatMap((text) => text.split(parted)).map((text) => text.trim()).filter((text) => text !== '');
  if (key === 'tag') return texts;
  const text = texts.at(-1) ?? '';
  return NUMBERS.has(key) && /^\d+$/.test(text) ? Number(text) : text;
}

function check(key: ConfigKey, given: Given, faults: ConfigFault[]): unknown {
  const spec: KeySpec = CONFIG_KEYS[key];
  const result = spec.schema.safeParse(given.value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const { path } = issue;
    const item = typeof path[0] === 'number' ? path[0] : undefined;
    if (issue.code === 'custom' && issue.params !== undefined) {
      // A spec knows better what is wrong with it.
      const fault = (issue.params as { readonly fault: SpecFault }).fault;
      faults.push({ ...fault, code: 'BAD_CONFIG', what: `the spec of ${given.subject(item)} ${fault.what}` });
      continue;
    }
    const wrong = item === undefined ? given.value : (given.value as readonly unknown[])[item];
    if (spec.isSecret) {
      faults.push({ code: 'BAD_CONFIG', what: `${given.subject()} is not what it should be, and is not shown`, given: 'a secret', expected: spec.expected });
      continue;
    }
    faults.push({
      code: (key === 'bind' || key === 'join') && typeof wrong === 'string' ? 'BAD_ADDRESS' : 'BAD_CONFIG',
      what: `${given.subject(item)} is ${shown(wrong)}`,
      given: typeof wrong === 'string' ? wrong : shown(wrong),
      expected: spec.expected,
      ...(typeof wrong === 'string' && spec.choices !== undefined ? didYouMean(wrong, spec.choices) : {}),
    });
  }
  return undefined;
}

/** All three listen on TCP. */
function portFaults({ gossipPort, grpcPort, trustPort }: Config): ConfigFault[] {
  const ports = Object.entries({ gossipPort, grpcPort, trustPort }).filter(([, number]) => number !== undefined && number !== 0);
  return ports.flatMap(([key, number], at) =>
    ports.slice(at + 1).flatMap(([other, same]) =>
      number === same ? [{ code: 'BAD_CONFIG' as const, what: `${key} and ${other} are both ${number}`, given: String(number), expected: 'two different ports: both listen on TCP' }] : [],
    ),
  );
}

function stallFaults({ degradedMs, stallLimitMs }: Config): ConfigFault[] {
  if (stallLimitMs === 0 || stallLimitMs > degradedMs) return [];
  return [
    {
      code: 'BAD_CONFIG',
      what: `stallLimitMs is ${stallLimitMs}, and degradedMs ${degradedMs}`,
      given: String(stallLimitMs),
      expected: 'more than degradedMs, so that the log says something before the node ends; or 0',
    },
  ];
}

function unknownVariables(env: ConfigSources['env']): string[] {
  const known = [...KEYS.map(variableOf), ...OTHER_VARIABLES];
  // Compared without the prefix, which would make any two of them look alike.
  const bare = (variable: string): string => variable.slice('MESH_'.length);
  return Object.keys(env)
    .filter((variable) => variable.startsWith('MESH_') && !known.includes(variable))
    .map((variable) => {
      const nearest = nearestWord(bare(variable), known.map(bare));
      const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean MESH_${nearest}?`;
      return `unknown environment variable ${variable} is ignored; ${hint}`;
    });
}

/** A host name made fit to be the name of a node or an agent. */
export function nameFromHost(hostName: string): string {
  const name = hostName.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^\.+/, '').slice(0, 128);
  return name === '' ? 'node' : name;
}
