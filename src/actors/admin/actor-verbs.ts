/** What an operator does with one actor: its supervisor is asked by message, and what came of it is the answer. */
import { MeshError } from '../../errors.ts';
import { nearestWord } from '../../nearest-word.ts';
import type { ActorRef, ErrorInfo, Reply } from '../../supervision/behavior.ts';
import { AskError } from '../../supervision/behavior.ts';
import { parentPath, ROOT_PATH } from '../../supervision/child-spec.ts';
import { restartGroup } from '../../supervision/restart.ts';
import type { RestartOneOutcome, StartChildOutcome, SupervisorMessage } from '../../supervision/supervisor-messages.ts';
import type { AdminHandler } from '../../transport/admin-service.ts';
import { errorDetail } from './admin-views.ts';
import type { Operator } from './operator.ts';
import { askerShown, DOOR, mustBeMeant, notRunning, unknownPath } from './path-faults.ts';
import { answered } from './room-answer.ts';

/** An actor of a node has 8 s to stop and 5 s to start; who waits longer waits for something that hangs. */
const VERB_TIMEOUT_MS = 20_000;

const VERBS = ['restart', 'stop', 'start', 'suspend', 'resume'] as const;
type Verb = (typeof VERBS)[number];

const DOING: Record<Verb, string> = { restart: 'restarting', stop: 'stopping', start: 'starting', suspend: 'suspending', resume: 'resuming' };

interface Outcome {
  readonly outcome: string;
  readonly error?: ErrorInfo;
}

export function actorVerbs(operator: Operator): Pick<AdminHandler, 'controlActor'> {
  return {
    async controlActor({ path, verb: given, force, by: from }, caller) {
      const verb = verbOf(given);
      const info = operator.info(path);
      if (info === undefined) throw unknownPath(path, operator.paths());
      if (verb !== 'start' && verb !== 'resume') mustBeMeant(path, force, DOING[verb], caller !== undefined);
      const by = askerShown(from);
      const { outcome, error } = await control(operator, verb, path, by);
      const now = operator.info(path);
      // Temporary and dynamic children go with their spec.
      const isRemoved = outcome === 'stopped' && now === undefined;
      return { path, outcome: isRemoved ? 'removed' : outcome, life: now?.life ?? info.life, error: errorDetail(error) };
    },
  };
}

function verbOf(given: string): Verb {
  const verb = VERBS.find((known) => known === given);
  if (verb !== undefined) return verb;
  const nearest = nearestWord(given, VERBS);
  throw new MeshError('BAD_ARGUMENT', `there is nothing called ${JSON.stringify(given)} to do with an actor`, {
    given,
    expected: VERBS.join(', '),
    ...(nearest === undefined ? {} : { todo: `did you mean ${nearest}?` }),
  });
}

function control(operator: Operator, verb: Verb, path: string, by: string): Outcome | Promise<Outcome> {
  switch (verb) {
    case 'suspend':
    case 'resume':
      return hold(operator, verb, path, by);
    case 'restart':
    case 'stop':
    case 'start':
      return path === ROOT_PATH ? controlRoot(operator, verb, by) : askSupervisor(operator, verb, path, by);
  }
}

function hold(operator: Operator, verb: 'suspend' | 'resume', path: string, by: string): Outcome {
  if (operator.lifeOf(path) === undefined) throw notRunning(path, `to ${verb}`);
  const isSuspended = operator.info(path)?.status === 'suspended';
  if (isSuspended === (verb === 'suspend')) return { outcome: isSuspended ? 'already_suspended' : 'not_suspended' };
  if (verb === 'suspend') operator.suspend(path, by);
  else operator.resume(path, by);
  return { outcome: verb === 'suspend' ? 'suspended' : 'resumed' };
}

function controlRoot(operator: Operator, verb: 'restart' | 'stop' | 'start', by: string): Outcome {
  if (verb === 'start') return { outcome: 'already_running' };
  if (verb === 'restart') {
    const todo = '`mesh stop / --force` ends the node in order, `mesh chaos kill / --force` as a fault would, for its keeper to start it again';
    throw new MeshError('REFUSED', 'the root has no supervisor that could start it again', { given: ROOT_PATH, todo });
  }
  operator.stopNode(by);
  return { outcome: 'under_way' };
}

async function askSupervisor(operator: Operator, verb: 'restart' | 'stop' | 'start', path: string, by: string): Promise<Outcome> {
  const status = operator.info(path)?.status;
  if (verb === 'stop' && (status === 'stopped' || status === 'ignored')) return { outcome: 'already_stopped' };
  const outcome = ask(operator.supervisor(parentPath(path)), verb, path.slice(path.lastIndexOf('/') + 1), by);
  if (endsDoor(operator, verb, path)) {
    // The answer must leave before the door closes; what becomes of this one is for the trail.
    outcome.catch(() => undefined);
    return { outcome: 'under_way' };
  }
  const done = await answered(outcome.catch((error: unknown) => stillGoingOn(error, verb, path)));
  if (done.outcome === 'not_found') throw unknownPath(path, operator.paths());
  return done;
}

function ask(supervisor: ActorRef<SupervisorMessage>, verb: 'restart' | 'stop' | 'start', id: string, by: string): Promise<Outcome> {
  switch (verb) {
    case 'restart':
      return supervisor.ask((reply: Reply<RestartOneOutcome>) => ({ kind: 'restart-one', id, by, reply }), VERB_TIMEOUT_MS);
    case 'stop':
      return supervisor
        .ask((reply: Reply<'ok' | 'not_found'>) => ({ kind: 'terminate-child', id, by, reply }), VERB_TIMEOUT_MS)
        .then((outcome) => ({ outcome: outcome === 'ok' ? 'stopped' : outcome }));
    case 'start':
      return supervisor
        .ask((reply: Reply<StartChildOutcome | { readonly outcome: 'running' | 'restarting' | 'not_found' }>) => ({ kind: 'restart-child', id, by, reply }), VERB_TIMEOUT_MS)
        .then((done) => (done.outcome === 'running' ? { outcome: 'already_running' } : done));
  }
}

/** Whether the actor that serves this request stops on the way, with this one or with the group that is restarted with it. */
function endsDoor(operator: Operator, verb: 'restart' | 'stop' | 'start', path: string): boolean {
  if (verb === 'start') return false;
  if (isWithin(DOOR, path)) return true;
  const parent = parentPath(path);
  const supervisor = verb === 'restart' && isWithin(DOOR, parent) ? operator.tree(parent) : undefined;
  if (supervisor?.strategy === undefined) return false;
  const siblings = supervisor.children.map((child) => child.path);
  return restartGroup(supervisor.strategy, siblings, path).some((each) => isWithin(DOOR, each));
}

function isWithin(path: string, above: string): boolean {
  return path === above || path.startsWith(above === ROOT_PATH ? above : `${above}/`);
}

function stillGoingOn(error: unknown, verb: Verb, path: string): MeshError {
  if (!(error instanceof AskError) || error.failure !== 'timeout') throw error;
  return new MeshError('OVERLOADED', `${DOING[verb]} ${path} takes longer than ${VERB_TIMEOUT_MS / 1_000} s, and goes on`, {
    given: path,
    todo: `see \`mesh info ${path}\``,
    cause: error,
  });
}
