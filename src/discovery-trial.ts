/** What one strategy of discovery finds within some seconds, judged as a node would; for people, without a node. */
import { judge, type Verdict } from './actors/formation/verdicts.ts';
import { systemClock } from './clock.ts';
import type { DiscoverSpec } from './config/discover-spec.ts';
import type { Found } from './transport/discovery/discovery.ts';
import type { GossipAddress } from './transport/gossip-transport.ts';
import { discoverBy, isHeard, processWorld } from './transport/discovery/strategies.ts';

export interface TrialOptions {
  readonly spec: DiscoverSpec;
  /** The node for which is judged. */
  readonly self: GossipAddress;
  /** How long is listened. */
  readonly forMs: number;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends it before. */
  readonly signal: AbortSignal;
}

export interface Trial {
  readonly verdicts: readonly Verdict[];
  /** What keeps the source from being asked or heard. */
  readonly trouble: string | undefined;
}

/**
 * A source that is asked has said all with its first answer; one that is heard is listened to until the time is over.
 * @throws MeshError what the strategy fails with
 */
export async function tryDiscovery({ spec, self, forMs, home, env, signal }: TrialOptions): Promise<Trial> {
  // Not AbortSignal.timeout in AbortSignal.any: nothing holds it there, and once collected it never comes.
  const trial = new AbortController();
  const over = trial.signal;
  const end = (): void => trial.abort();
  const timer = systemClock.setTimer(forMs, end);
  signal.addEventListener('abort', end);
  let latest: Found = { candidates: [], trouble: `nothing came within ${forMs} ms` };
  const found = discoverBy(spec, processWorld({ self: undefined, bind: self.host, home, env }))(over)[Symbol.asyncIterator]();
  const ended = new Promise<IteratorResult<Found>>((resolve) => over.addEventListener('abort', () => resolve({ done: true, value: undefined })));
  try {
    for (;;) {
      const next = await Promise.race([found.next(), ended]);
      if (next.done === true) break;
      latest = next.value;
      if (!isHeard(spec) && latest.trouble === undefined) break;
    }
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', end);
    end();
    void found.return?.();
  }
  return { verdicts: judge(latest.candidates, self), trouble: latest.trouble };
}
