/** The first frame of an agent, and what is wrong with one. Pure. */
import { MeshError } from '../../errors.ts';
import type { AgentFrame__Output } from '../../transport/generated/omega/mesh/v1/AgentFrame.ts';

/** Ids become path segments and parts of subjects, which people type. Source: agent.proto. */
const ID_PATTERN = /^[A-Za-z0-9._-]{1,128}$/;
/** For people, on their terminals; goes to every node with each announcement. */
const PROGRAM_PATTERN = /^[^\p{Cc}]{0,128}$/u;
/** As in Kubernetes, more than a person ever sets; an agent must not fill a node with its description of itself. */
const LABELS_MAX = 64;
const LABEL_CHARS_MAX = 256;

export function isAgentId(text: string): boolean {
  return ID_PATTERN.test(text);
}

export function isProgram(text: string): boolean {
  return PROGRAM_PATTERN.test(text);
}

interface AgentIntroduction {
  readonly id: string;
  readonly program: string;
}

/** Who says hello, or what is wrong with its frame: MALFORMED, BAD_ARGUMENT, TOO_LARGE. */
export function readAgentHello(frame: AgentFrame__Output): AgentIntroduction | MeshError {
  const { hello } = frame;
  if (!hello) return new MeshError('MALFORMED', 'the first frame of an agent must be a hello', { given: frame.body ?? 'nothing', expected: 'hello' });
  const { id, program, labels } = hello;
  if (!isAgentId(id)) {
    return new MeshError('BAD_ARGUMENT', 'this is not an id an agent can have', {
      given: JSON.stringify(id.slice(0, 128)),
      expected: '1 to 128 of A-Z a-z 0-9 . _ -',
      todo: 'give the agent another id',
    });
  }
  if (!isProgram(program)) {
    return new MeshError('BAD_ARGUMENT', 'this is not a name a program can have', {
      given: JSON.stringify(program.slice(0, 128)),
      expected: 'at most 128 characters, none of them for control',
    });
  }
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) return tooLarge(`${entries.length} labels`, `at most ${LABELS_MAX}`);
  const long = entries.find(([name, value]) => name.length > LABEL_CHARS_MAX || value.length > LABEL_CHARS_MAX);
  if (long !== undefined) return tooLarge(`label ${JSON.stringify(long[0].slice(0, LABEL_CHARS_MAX))}`, `names and values of at most ${LABEL_CHARS_MAX} characters`);
  return { id, program };
}

function tooLarge(given: string, expected: string): MeshError {
  return new MeshError('TOO_LARGE', 'the labels of this agent are too large', { given, expected });
}
