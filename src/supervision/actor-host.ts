/** What an actor needs of the system it stands in, and what whoever starts its lives hears of them. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Actor } from './actor.ts';
import type { ExitReason } from './behavior.ts';
import type { DeadLetterReason } from './trail/dead-letters.ts';
import type { TurnEngine } from './turn-engine.ts';

/** suspended: it lives, and hears what the runtime says, but no mail. */
export type ActorStatus = 'starting' | 'running' | 'suspended' | 'restarting' | 'stopping' | 'stopped' | 'ignored';

/** What whoever started a life hears of it: one of the first two at most once, then `exited` once. */
export interface LifeWatcher {
  started(): void;
  ignored(): void;
  exited(reason: ExitReason, uptimeMs: number): void;
}

export interface ActorHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly engine: TurnEngine;
  find(path: string): Actor | undefined;
  deadLetter(path: string, reason: DeadLetterReason, message: unknown): void;
  failAsks(path: string, why: string): void;
}
