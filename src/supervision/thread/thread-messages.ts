/** Between an actor's cell on the main thread and its behavior in a thread of its own. All of it can be cloned. */
import type { LogFields, LogLevel } from '../../log.ts';
import type { AskFailure, ExitReason, SendOutcome, Signal } from '../behavior.ts';
import type { TraceEntry } from '../trace.ts';
import type { Crossing } from './crossing.ts';

export interface ThreadStart {
  readonly path: string;
  readonly life: number;
  /** A file: URL, and what in it makes the behavior. */
  readonly module: string;
  readonly exportName: string;
  readonly argument: Crossing;
  /** Of the gauge. */
  readonly memory: SharedArrayBuffer;
  readonly pulseMs: number;
  /** Heap and buffers together. */
  readonly memoryBytesMax: number;
}

export type ToThread =
  /** One at a time: the next comes when this one was handled. */
  | { readonly kind: 'message'; readonly crossing: Crossing }
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'answer'; readonly id: number; readonly crossing: Crossing }
  | { readonly kind: 'unanswered'; readonly id: number; readonly failure: AskFailure; readonly why: string }
  | { readonly kind: 'offered'; readonly id: number; readonly outcome: SendOutcome };

export type FromThread =
  /** Its init is done; what kind of behavior it is. */
  | { readonly kind: 'initialised'; readonly trapsStop: boolean; readonly trapsExits: boolean }
  | { readonly kind: 'started' }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'handled' }
  /** It handled a message, while somebody watches. */
  | { readonly kind: 'traced'; readonly entry: TraceEntry }
  /** What it shows of its state, as JSON. */
  | { readonly kind: 'view'; readonly json: string | undefined }
  /** Its life is over. `during`: what it did last; `heard`: how many messages it began with. */
  | { readonly kind: 'ended'; readonly reason: ExitReason; readonly during: string; readonly heard: number }
  | { readonly kind: 'send'; readonly to: string; readonly crossing: Crossing }
  | { readonly kind: 'offer'; readonly id: number; readonly to: string; readonly crossing: Crossing }
  | { readonly kind: 'ask'; readonly id: number; readonly to: string; readonly crossing: Crossing; readonly timeoutMs: number }
  /** To the ask whose reply was called `id` when it came. */
  | { readonly kind: 'answer'; readonly id: number; readonly crossing: Crossing }
  | { readonly kind: 'refuse'; readonly id: number; readonly why: string }
  | { readonly kind: 'bond'; readonly act: 'monitor' | 'demonitor' | 'link' | 'unlink'; readonly path: string }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };
