/** One strategy of discovery, as an actor: what it finds is told, and told again; when it fails, its supervisor starts another. */
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { Discover, Found } from '../../transport/discovery/discovery.ts';
import type { SourceNews } from './formation-messages.ts';

export interface SourceOptions {
  /** Unique among the sources; the actor's id. */
  readonly source: string;
  /** As it was given; it holds no secret. */
  readonly spec: string;
  /** Called once in each life. */
  readonly open: () => Discover;
  readonly reconciler: ActorRef<SourceNews>;
}

interface SourceState {
  readonly found: AsyncIterator<Found>;
  latest: Found | undefined;
}

export type SourceMessage =
  | { readonly kind: 'next'; readonly result: IteratorResult<Found> }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'repeat' };

/** The reconciler may have restarted, or its mailbox been full. */
const REPEAT_MS = 10_000;

export function sourceActor(options: SourceOptions): Behavior<SourceState, SourceMessage> {
  return {
    init(context) {
      const found = options.open()(context.signal)[Symbol.asyncIterator]();
      // It may be between two items when this life ends; then nothing else lets go of what it holds.
      context.own(() => void found.return?.().catch(() => undefined));
      awaitNext(found, context);
      context.setInterval('repeat', REPEAT_MS, { kind: 'repeat' });
      return { found, latest: undefined };
    },
    receive(state, message, context) {
      switch (message.kind) {
        case 'next':
          if (message.result.done === true) throw new Error('the source ended by itself');
          state.latest = message.result.value;
          tell(state, options);
          awaitNext(state.found, context);
          return state;
        case 'failed':
          throw message.error;
        case 'repeat':
          tell(state, options);
          return state;
      }
    },
    view: ({ latest }) => ({ spec: options.spec, ...latest }),
  };
}

function awaitNext(found: AsyncIterator<Found>, context: ActorContext<SourceMessage>): void {
  context.pipe(
    found.next(),
    (result) => ({ kind: 'next', result }),
    (error) => ({ kind: 'failed', error }),
  );
}

function tell({ latest }: SourceState, { source, reconciler }: SourceOptions): void {
  if (latest !== undefined) reconciler.send({ kind: 'found', source, found: latest });
}
