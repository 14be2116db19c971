/** Keys of the configuration about what gossip travels in: encryption, label, compression. */
import { z } from 'zod';
import type { ConfigFault } from './config-fault.ts';
import { isGossipKey } from './is-gossip-key.ts';
import { SWITCH, type KeySpec, type Switch } from './key-spec.ts';

export interface GossipConfig {
  /** Only nodes of the same label hear each other; empty for none. */
  readonly gossipLabel: string;
  readonly gossipCompression: Switch;
  /** What members are to each other: all of a mesh must say the same. */
  readonly gossipApplication: (typeof APPLICATIONS)[number];
  /** Absolute path. */
  readonly gossipKeyring: string | undefined;
  /** Base64. */
  readonly gossipKey: string | undefined;
  /** With the keys of the trust domain, where it has some and there are no others here. */
  readonly gossipEncryption: Switch;
  /** How old the newest key of the trust domain may become, where the authority is kept here. */
  readonly gossipKeyRotationMs: number;
  /** Whether gossip that is not encrypted is refused. */
  readonly gossipVerifyIncoming: Switch;
  /** Whether gossip is encrypted on its way out. */
  readonly gossipVerifyOutgoing: Switch;
}

const APPLICATIONS = ['serf', 'none'] as const;

/** A label's length is one byte on the wire. */
const LABEL_BYTES_MAX = 255;

/** Of one key a node encrypts far fewer packets in a day than AES-GCM may with random nonces, 2 ** 32. */
const ROTATION_MS = 86_400_000;

const onOrOff = { placeholder: SWITCH.join('|'), default: 'on', expected: 'on or off', schema: z.enum(SWITCH), choices: SWITCH } as const;

export const GOSSIP_KEYS = {
  gossipKeyring: {
    placeholder: 'file',
    summary: 'encrypt gossip with the keys in this file, a JSON list of base64 texts, the one to use first; only its owner may read it',
    default: 'none',
    expected: 'a path',
    schema: z.string().min(1),
  },
  gossipKey: {
    placeholder: 'base64',
    summary: 'encrypt gossip with this one key',
    default: 'none',
    expected: 'base64 of 16, 24 or 32 bytes, as `openssl rand -base64 32` makes them',
    schema: z.string().refine(isGossipKey),
    isSecret: true,
  },
  gossipEncryption: { ...onOrOff, summary: 'whether to encrypt gossip with the keys of the trust domain, where it has some; off to be one mesh with those who do not' },
  gossipKeyRotationMs: {
    placeholder: 'ms',
    summary: 'how old the key of gossip may become, where the authority is kept here; then another takes its place',
    default: String(ROTATION_MS),
    expected: 'a whole number of milliseconds from 60000 to 2592000000',
    schema: z.int().min(60_000).max(2_592_000_000),
  },
  gossipVerifyIncoming: { ...onOrOff, summary: 'with a key: whether gossip that is not encrypted is refused; off while a mesh that runs gets its first key' },
  gossipVerifyOutgoing: { ...onOrOff, summary: 'with a key: whether to encrypt; off while a mesh that runs gets its first key' },
  gossipLabel: {
    placeholder: 'text',
    summary: 'name of the mesh: gossip without it, or with another, is refused',
    default: 'none',
    expected: `text of 1 to ${LABEL_BYTES_MAX} bytes`,
    schema: z.string().min(1).refine((text) => Buffer.byteLength(text) <= LABEL_BYTES_MAX),
  },
  gossipApplication: {
    placeholder: APPLICATIONS.join('|'),
    summary: 'what the members of the mesh are: nodes and agents of Serf, or programs on memberlist that say nothing about themselves',
    default: 'serf',
    expected: 'serf or none',
    schema: z.enum(APPLICATIONS),
    choices: APPLICATIONS,
  },
  gossipCompression: { ...onOrOff, summary: 'whether to compress gossip; compressed gossip is always understood' },
} as const satisfies Record<keyof GossipConfig, KeySpec>;

export function gossipFaults({ gossipKey, gossipKeyring }: GossipConfig): ConfigFault[] {
  if (gossipKey === undefined || gossipKeyring === undefined) return [];
  return [{ code: 'BAD_CONFIG', what: 'gossipKey and gossipKeyring are both given', given: gossipKeyring, expected: 'one of them', todo: 'put the key into the keyring' }];
}
