/** Follows the identity of an agent where a Workload API pushes it: the brain that follows a node's, moved by timers of its own. */
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../random.ts';
import type { PushedIdentity } from '../transport/pushed-identity.ts';
import { SvidWatch, type SvidWatchInput } from '../trust/svid-watch.ts';

export interface IdentityFollowerOptions {
  readonly watch: PushedIdentity['watch'];
  /** One is there that was not. */
  readonly pushed: () => void;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** Begins at once. @returns ends it */
export function followIdentity({ watch: { open, put }, pushed, log, clock, random }: IdentityFollowerOptions): () => void {
  const brain = new SvidWatch(random);
  let timer: Timer | undefined;
  let stop = (): void => undefined;
  let isOver = false;
  const handle = (input: SvidWatchInput): void => {
    if (isOver) return;
    for (const effect of brain.handle(input)) {
      switch (effect.kind) {
        case 'open':
          stop = open({ told: (identity) => handle({ kind: 'told', identity }), ended: (fault) => handle({ kind: 'ended', fault }) });
          break;
        case 'set-timer':
          timer = clock.setTimer(effect.delayMs, () => handle({ kind: 'tick' }));
          break;
        case 'tell':
          put(effect.identity);
          pushed();
          break;
        case 'log':
          log.log(effect.level, effect.event, effect.fields);
          break;
      }
    }
  };
  handle({ kind: 'tick' });
  return () => {
    isOver = true;
    timer?.cancel();
    stop();
  };
}
