/** What waits for an actor: bounded, with a stated answer to the one too many. */

/**
 * reject: the sender is told `full`; drop_oldest: the oldest waiting message makes room; drop_newest: the new one is
 * dropped. What is dropped or refused is counted and becomes a dead letter.
 */
export type Overflow = 'reject' | 'drop_oldest' | 'drop_newest';

export interface MailboxSpec {
  /** Default 10,000: at 0.2 KiB a message some 2 MiB for one actor at its worst. */
  readonly max?: number;
  /** Default reject. */
  readonly overflow?: Overflow;
  /** What a crash does with the messages that wait: keep them for the next life, or drop them. Default drop. */
  readonly onRestart?: 'drop' | 'keep';
}
