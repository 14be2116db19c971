/** The node's side: whoever started it and wants to know how it is. A keeper, a service manager, or nobody. */
import type { Clock } from '../clock.ts';
import type { NodeWord } from './keeper-messages.ts';
import { isKept } from './kept.ts';
import { serviceManager } from './service-manager.ts';
import type { ServiceManager } from './service-manager.ts';

export interface Overseer {
  /** Aborted when it is gone and the node must go too: without its keeper nobody would stop it any more. */
  readonly lost: AbortSignal;
  claimed(dataDir: string): void;
  /** @param where the node is reached, in words */
  ready(where: string): void;
  stopping(): void;
  /** Resolves when all was said. */
  close(): Promise<void>;
}

/** @param warn told when a service manager is named but cannot be reached */
export function overseerOf(env: Readonly<Record<string, string | undefined>>, clock: Clock, warn: (text: string) => void): Overseer {
  if (isKept(env)) return keptNode();
  const manager = serviceManager(env, clock, warn);
  return manager === undefined ? NOBODY : managedNode(manager);
}

const NOBODY: Overseer = {
  lost: new AbortController().signal,
  claimed: () => undefined,
  ready: () => undefined,
  stopping: () => undefined,
  close: () => Promise.resolve(),
};

function keptNode(): Overseer {
  const lost = new AbortController();
  const lose = (): void => lost.abort();
  const say = (word: NodeWord): void => {
    if (process.connected) process.send?.(word, undefined, undefined, () => undefined);
  };
  const answer = (): void => say({ kind: 'alive' });
  process.on('message', answer);
  process.on('disconnect', lose);
  if (!process.connected) lose();
  return {
    lost: lost.signal,
    claimed: (dataDir) => say({ kind: 'claimed', dataDir }),
    ready: (where) => say({ kind: 'ready', where }),
    // The keeper knows: it passed the signal on, or sees the end.
    stopping: () => undefined,
    close: () => {
      process.off('message', answer);
      process.off('disconnect', lose);
      return Promise.resolve();
    },
  };
}

function managedNode(manager: ServiceManager): Overseer {
  return {
    lost: NOBODY.lost,
    claimed: () => undefined,
    ready(where) {
      manager.notify({ READY: '1', STATUS: where });
      manager.watch(() => manager.notify({ WATCHDOG: '1' }));
    },
    stopping: () => manager.notify({ STOPPING: '1', STATUS: 'stopping' }),
    close: () => manager.close(),
  };
}
