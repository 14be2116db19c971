/**
 * An actor in a thread of its own, as the cell on the main thread sees it: a behavior that hands on each message and waits
 * until it was handled. So mailbox, supervision, links, traces and figures are those of any actor; and whatever ends the
 * life ends the thread, which the life owns.
 */
import { IGNORE } from '../behavior.ts';
import type { ActorContext, Behavior, Signal } from '../behavior.ts';
import { messageName } from '../trail/dead-letters.ts';
import { asThrown } from '../exit-reason.ts';
import { threadError, THREADS_MAX_REACHED } from './thread-error.ts';
import { ThreadLink } from './thread-link.ts';
import type { ThreadHost } from './thread-link.ts';
import { THREADS_MAX } from './thread-spec.ts';
import type { ThreadSpec } from './thread-spec.ts';

/** Threads of this process that have not ended, those of ended lives among them. */
let threads = 0;

type Context = ActorContext<unknown>;

export function threadBehavior(spec: ThreadSpec, host: ThreadHost): Behavior<ThreadLink, unknown> {
  let link: ThreadLink | undefined;
  return {
    // Its own behavior says so when it is.
    startsLate: true,
    // The thread ends its life itself, and tells.
    trapsStop: true,
    get trapsExits() {
      return link?.trapsExits === true;
    },
    async init(context: Context) {
      link = openLink(spec, context, host);
      return (await link.initialised()) === 'ignored' ? IGNORE : link;
    },
    receive: (state, message) => after(state, state.deliver(message)),
    signal: (state, signal: Signal) => after(state, state.tell(signal)),
    view: (state) => state.view,
    describe: (message) => link?.describe(message) ?? messageName(message),
  };
}

function openLink(spec: ThreadSpec, context: Context, host: ThreadHost): ThreadLink {
  if (threads >= THREADS_MAX) throw asThrown(threadError(THREADS_MAX_REACHED, `${threads} threads run, and more than ${THREADS_MAX} are not started: each holds some 10 MB`));
  const link = new ThreadLink(spec, context, host, () => threads--);
  threads++;
  return link;
}

function after<T>(state: T, done: Promise<void> | void): T | Promise<T> {
  return done === undefined ? state : done.then(() => state);
}
