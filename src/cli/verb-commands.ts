/** Commands that do something with one actor: what was done is the answer, and stands in the node's trail with who asked. */
import { setTimeout as delay } from 'node:timers/promises';
import { findMeshError, MeshError } from '../errors.ts';
import type { ControlReply__Output } from '../transport/generated/omega/mesh/v1/ControlReply.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { printable } from './paint.ts';

type Verb = 'restart' | 'stop' | 'start' | 'suspend' | 'resume';

const FORCE = { flags: '--force', summary: "also what takes this command's own connection along: /, /edge, /edge/admin" };

export const VERB_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'restart',
    operands: '<path>',
    summary: 'end an actor in order and start it again, with those its supervisor restarts with it; costs no budget',
    options: [FORCE],
    example: 'mesh restart /bus/subjects',
    run: (call) => control(call, 'restart'),
  },
  {
    words: 'stop',
    operands: '<path>',
    summary: 'stop an actor, and leave it down until it is started again; / stops the node',
    options: [FORCE],
    example: 'mesh stop /bus/subjects',
    run: (call) => control(call, 'stop'),
  },
  {
    words: 'suspend',
    operands: '<path>',
    summary: 'have an actor hear no messages until it is resumed; they wait in its mailbox',
    options: [FORCE],
    example: 'mesh suspend /bus/subjects',
    run: (call) => control(call, 'suspend'),
  },
  {
    words: 'resume',
    operands: '<path>',
    summary: 'have a suspended actor go on',
    example: 'mesh resume /bus/subjects',
    run: (call) => control(call, 'resume'),
  },
];

/** What a restart takes that takes the door along: every actor on the way has its time to stop and start. */
const BACK_WITHIN_MS = 25_000;
const LOOK_EVERY_MS = 200;

/** @throws MeshError REFUSED when it could not be done */
export async function control({ ask, answer, io, operands, options }: Call, verb: Verb): Promise<number> {
  const path = operands[0]!;
  const force = options['force'] === true;
  const asked = await ask((admin) => admin.controlActor({ path, verb, force, by: io.asker }));
  const reply = asked.outcome === 'under_way' && verb === 'restart' ? await backAgain(asked, ask) : asked;
  const words = doneWords(reply);
  if (words === undefined) throw notDone(verb, reply);
  answer({ path, verb, outcome: reply.outcome, life: reply.life }, () => [words]);
  return DONE;
}

/** The actor went with the connection: it is asked about until it is up again. */
async function backAgain(asked: ControlReply__Output, ask: Call['ask']): Promise<ControlReply__Output> {
  const { path, life } = asked;
  const deadline = performance.now() + BACK_WITHIN_MS;
  while (performance.now() < deadline) {
    try {
      const now = await ask((admin) => admin.getActor({ path }));
      if (now.life > life && now.status === 'running') return { ...asked, outcome: 'restarted', life: now.life };
    } catch (error) {
      // The door is closed for a moment; a path that is gone stays so.
      if (findMeshError(error)?.code === 'UNKNOWN_PATH') throw error;
    }
    await delay(LOOK_EVERY_MS);
  }
  throw new MeshError('REFUSED', `${path} is not up again after ${BACK_WITHIN_MS / 1_000} s`, { given: path, todo: `see \`mesh info ${path}\` and \`mesh history\`` });
}

/** Undefined when it was not done. */
function doneWords({ path: raw, outcome, life }: ControlReply__Output): string | undefined {
  const path = printable(raw);
  switch (outcome) {
    case 'restarted':
    case 'started':
      return `${outcome} ${path}, life ${life}`;
    case 'stopped':
      return `stopped ${path}; \`mesh start ${path}\` starts it again`;
    case 'removed':
      return `stopped ${path}, which its supervisor does not keep: who needs it has it started anew`;
    case 'suspended':
      return `suspended ${path}, life ${life}; \`mesh resume ${path}\` has it go on`;
    case 'resumed':
      return `resumed ${path}, life ${life}`;
    case 'ignored':
      return `${path} was started and says that there is nothing to run`;
    case 'already_running':
      return `${path} is running already, life ${life}`;
    case 'already_stopped':
      return `${path} is down already`;
    case 'already_suspended':
      return `${path} is suspended already, life ${life}`;
    case 'not_suspended':
      return `${path} is not suspended`;
    case 'under_way':
      return path === '/' ? 'the node is stopping' : `${path} is stopping; from now on this node answers no operator until its process is started again`;
    default:
      return undefined;
  }
}

function notDone(verb: Verb, { path, outcome, error }: ControlReply__Output): MeshError {
  const why = `see \`mesh why ${path}\``;
  switch (outcome) {
    case 'start_failed':
      return new MeshError('REFUSED', `${path} could not start: ${error?.message ?? 'no reason is known'}`, { given: path, todo: why });
    case 'terminated':
      return new MeshError('REFUSED', `${path} was told to stop meanwhile`, { given: path, todo: `see \`mesh history ${path}\`` });
    case 'restarting':
      return new MeshError('REFUSED', `${path} waits for its next start`, { given: path, todo: `\`mesh restart ${path}\` starts it now` });
    case 'shutting_down':
      return new MeshError('REFUSED', `the supervisor of ${path} is itself stopping`, { given: path, todo: 'see `mesh tree`' });
    default:
      return new MeshError('REFUSED', `${verb} of ${path}: ${outcome}`, { given: path, todo: why });
  }
}
