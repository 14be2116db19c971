/** With which keys a node gossips: those of its configuration, or else those of its trust domain, which change while it runs. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import type { MeshParts } from './actors/tree.ts';
import type { Clock } from './clock.ts';
import { authorityDir, trustDir } from './config/home-path.ts';
import type { Config } from './config/config.ts';
import type { AuditLog } from './data-dir/audit-log.ts';
import { readKeyring } from './data-dir/keyring-file.ts';
import { handedKeyring } from './joining.ts';
import type { Logger } from './log.ts';
import { isLoopback } from './loopback.ts';
import type { NodeTrust } from './node-trust.ts';
import { systemRandom } from './random.ts';
import { askKeys } from './transport/renew.ts';
import { mergeRings, newestFirst, type Ring } from './trust/gossip-ring.ts';
import { readRing, writeRing } from './trust/ring-file.ts';
import type { Welcome } from './trust/fabric.ts';

/** A node that joined takes the keys that it was given, unless it is told of others. */
export function withHandedKeyring(config: Config): Config {
  const handed = handedKeyring(trustDir(config.dataDir));
  return config.gossipKeyring === undefined && config.gossipKey === undefined && existsSync(handed) ? { ...config, gossipKeyring: handed } : config;
}

/**
 * Where the keys of the trust domain are that this node gossips with; undefined where it has others, or none.
 * @throws MeshError as `readRing`
 */
export function ringDirOf({ bind, dataDir, gossipKeyring, gossipKey, gossipEncryption }: Config, holdsAuthority: boolean, log: Logger): string | undefined {
  if (gossipKeyring !== undefined || gossipKey !== undefined) return undefined;
  const dir = trustDir(dataDir);
  const rings = [readRing(dir), holdsAuthority ? readRing(authorityDir(homedir())) : undefined].filter((ring) => ring !== undefined);
  if (rings.length > 0 && gossipEncryption === 'on') {
    // Another node of this machine may have made keys while this one was down.
    writeRing(dir, rings.reduce(mergeRings));
    return dir;
  }
  if (rings.length > 0 || !isLoopback(bind)) {
    const todo = rings.length > 0 ? 'leave --gossip-encryption on: the trust domain has keys for it' : 'encrypt it with --gossip-keyring: whoever reaches this address can read it, and speak in it';
    log.log('warn', 'gossip-in-the-clear', { bind, todo });
  }
  return undefined;
}

/** What who attests is handed: the keys as they are now, for they change while the node runs. */
export function handedKeys({ gossipKeyring, gossipKey }: Config, ringDir: string | undefined): Pick<Welcome, 'gossipKeys' | 'gossipRing'> {
  if (ringDir !== undefined) return { gossipKeys: [], gossipRing: readRing(ringDir) ?? [] };
  if (gossipKeyring !== undefined) return { gossipKeys: readKeyring(gossipKeyring), gossipRing: [] };
  return { gossipKeys: gossipKey === undefined ? [] : [Buffer.from(gossipKey, 'base64')], gossipRing: [] };
}

interface KeyMakings {
  readonly config: Config;
  readonly trust: Pick<NodeTrust, 'ringDir' | 'authorities' | 'held' | 'bundles'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export function keyParts({ config, trust: { ringDir, authorities, held, bundles }, audit, clock }: KeyMakings): MeshParts['gossipKeys'] {
  const holdsAuthority = authorities !== undefined;
  return {
    self: config.name,
    holdsAuthority,
    everyMs: config.gossipKeyRotationMs,
    random: systemRandom,
    file: {
      load: () => (ringDir === undefined ? undefined : readRing(ringDir)),
      save(ring) {
        if (ringDir !== undefined) writeRing(ringDir, ring);
        if (holdsAuthority) keepBesideAuthority(ring);
      },
    },
    ask: () => askKeys(trustDir(config.dataDir), held, bundles),
    note: (what, detail) => audit.record({ what, who: 'this node', outcome: 'done', detail }, clock.wallNow()),
  };
}

/** For other nodes of this machine, and this one when its data directory is new. */
function keepBesideAuthority(ring: Ring): void {
  const dir = authorityDir(homedir());
  const [kept] = readRing(dir) ?? [];
  const [newest] = ring;
  if (newest !== undefined && (kept === undefined || newestFirst(newest, kept) <= 0)) writeRing(dir, ring);
}
