/** Where a node keeps its things under a person's home. Pure. */
import { join, resolve } from 'node:path';

export function defaultDataDir(home: string, name: string): string {
  return join(home, '.omega-mesh', name);
}

/** One file for each node that runs, so that commands find it. No node's name starts with a dot. */
export function registrationDir(home: string): string {
  return join(home, '.omega-mesh', '.run');
}

/** `~` and `~/…` mean home in files and variables too, where no shell has replaced them. */
export function absolutePath(path: string, home: string): string {
  return resolve(path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path);
}

/** The authority that issues what this person's nodes and agents on this machine are. No node's name starts with a dot. */
export function authorityDir(home: string): string {
  return join(home, '.omega-mesh', '.authority');
}

/** A node's identity, in its data directory. */
export function trustDir(dataDir: string): string {
  return join(dataDir, 'trust');
}

/** The identity of an agent that this person starts on this machine. */
export function agentTrustDir(home: string, agent: string): string {
  return join(home, '.omega-mesh', '.agents', agent);
}

/** The identity with which this person asks nodes elsewhere. */
export function adminTrustDir(home: string, admin: string): string {
  return join(home, '.omega-mesh', '.admins', admin);
}
