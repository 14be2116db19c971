/** What an operator asks about actors. Nobody is asked on the way: the answers come also when a supervisor hangs. */
import { MeshError } from '../../errors.ts';
import type { DeadLetter, Withheld } from '../../supervision/trail/dead-letters.ts';
import type { AdminHandler } from '../../transport/admin-service.ts';
import { actorInfo, deadLetter } from './actor-views.ts';
import { historyEvent, treeNode } from './admin-views.ts';
import type { Operator } from './operator.ts';
import { askerShown, mustBeMeant, notRunning, unknownPath } from './path-faults.ts';

export interface ActorRequestsOptions {
  readonly operator: Operator;
  /** Tells this run of the node from others. */
  readonly boot: string;
  /** Ends the life at this path once the answer is on its way. */
  readonly kill: (path: string, by: string) => void;
}

const HISTORY_DEFAULT = 100;
const HISTORY_MAX = 10_000;
const LETTERS_DEFAULT = 100;
const LETTERS_MAX = 1_000;

const WITHHELD: Record<Withheld, string> = {
  answer: 'it was an answer that came too late, and nobody waits for it any more',
  question: 'it was a question, and who asked has been told that it failed',
  large: 'its message was too large to be kept',
  unreadable: 'its message cannot be looked into',
  replayed: 'it was sent again already',
  old: 'only the newest messages are kept, and others came after it',
};

type Requests = Pick<AdminHandler, 'getTree' | 'getActor' | 'getState' | 'listHistory' | 'killActor' | 'listDeadLetters' | 'replayDeadLetter'>;

export function actorRequests({ operator, kill, boot }: ActorRequestsOptions): Requests {
  const known = <T>(path: string, found: T | undefined): Promise<T> => (found === undefined ? Promise.reject(unknownPath(path, operator.paths())) : Promise.resolve(found));
  return {
    getTree: async ({ path }) => treeNode(await known(path, operator.tree(path === '' ? '/' : path))),

    getActor: async ({ path }) => actorInfo(await known(path, operator.info(path))),

    async getState({ path }) {
      await known(path, operator.info(path));
      const state = operator.state(path);
      if (state === undefined) throw notRunning(path, 'to show');
      return { path, life: state.life, isShown: state.shown !== undefined, state: state.shown ?? '' };
    },

    async listHistory({ path, limit }) {
      // Also for paths that are gone: their trail is what one looks for.
      const wanted = Math.min(limit === 0 ? HISTORY_DEFAULT : limit, HISTORY_MAX);
      // A first start is no event in a history of trouble.
      const events = operator.events(path === '' ? '/' : path, HISTORY_MAX).filter(({ type }) => type !== 'start').slice(-wanted);
      if (events.length === 0 && path !== '') await known(path, operator.info(path));
      return { events: events.map(historyEvent), boot };
    },

    async killActor({ path, force, by }, caller) {
      await known(path, operator.info(path));
      const life = operator.lifeOf(path);
      if (life === undefined) throw notRunning(path, 'to end');
      mustBeMeant(path, force, 'killing', caller !== undefined);
      kill(path, askerShown(by));
      return { path, life };
    },

    listDeadLetters({ path, limit }) {
      const { total } = operator.deadLetters;
      const wanted = Math.min(limit === 0 ? LETTERS_DEFAULT : limit, LETTERS_MAX);
      const letters = operator.deadLetters.latest().filter(isWithin(path)).slice(-wanted);
      return Promise.resolve({ total, letters: letters.map((letter) => deadLetter(letter, operator.deadLetters.find(letter.sequence)?.withheld)) });
    },

    async replayDeadLetter({ sequence, to, by }) {
      if (to !== '') await known(to, operator.info(to));
      const replayed = operator.replay(sequence, to === '' ? undefined : to, askerShown(by));
      if (replayed === undefined) throw letterUnknown(sequence, operator.deadLetters.total);
      const { path, outcome } = replayed;
      if (outcome in WITHHELD) throw letterWithheld(sequence, WITHHELD[outcome as Withheld]);
      return { path, outcome };
    },
  };
}

function isWithin(path: string): (letter: DeadLetter) => boolean {
  const below = path.endsWith('/') ? path : `${path}/`;
  return (letter) => path === '' || letter.path === path || letter.path.startsWith(below);
}

function letterUnknown(sequence: number, total: number): MeshError {
  const isForgotten = sequence >= 1 && sequence <= total;
  return new MeshError('NOT_FOUND', isForgotten ? `dead letter ${sequence} is forgotten: others came after it` : `there is no dead letter ${sequence}`, {
    given: String(sequence),
    todo: 'see `mesh dead-letters list`',
  });
}

function letterWithheld(sequence: number, why: string): MeshError {
  return new MeshError('REFUSED', `dead letter ${sequence} cannot be sent again: ${why}`, { given: String(sequence), todo: 'see `mesh dead-letters list` for those that can' });
}
