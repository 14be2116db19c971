/** What the directories of the nodes say to each other over the bus: JSON on one subject. Pure. */
import { isErrorCode, MeshError } from '../../errors.ts';
import { isAgentId, isProgram } from './agent-hello.ts';
import type { CommandAnswer, CommandOrder } from './agent-session.ts';

export const DIRECTORY_SUBJECT = 'agents.directory';

/** Agents in one message: with every field at its longest 0.5 MB, half of what the bus carries. */
export const AGENTS_PER_MESSAGE = 500;

/** A clock further ahead is wrong, and would hold its agents against every node whose clock is right. */
const CLOCK_AHEAD_MAX_MS = 24 * 60 * 60 * 1_000;

export interface WireAgent {
  readonly id: string;
  readonly program: string;
  /** Milliseconds since the Unix epoch, whole. */
  readonly connectedAtMs: number;
  readonly isConnected: boolean;
  readonly ratePerS: number;
  readonly records: number;
  /** Milliseconds since its last frame when this was sent: the nodes' clocks need not agree. */
  readonly seenAgoMs: number;
}

export type DirectoryMessage =
  /** These agents have just connected to the sender or left it. */
  | { readonly kind: 'changes'; readonly agents: readonly WireAgent[] }
  /**
   * Of all ids after `after`, up to and with `upTo` (null: to the end), the sender has just these connected. One range
   * a second goes round, so that whatever was lost is repaired and a node that is new learns all.
   */
  | { readonly kind: 'sweep'; readonly after: string; readonly upTo: string | null; readonly agents: readonly WireAgent[] }
  | { readonly kind: 'command'; readonly agent: string; readonly order: CommandOrder }
  | { readonly kind: 'answer'; readonly command: string; readonly answer: CommandAnswer };

export function encodeDirectoryMessage(message: DirectoryMessage): Uint8Array {
  return Buffer.from(JSON.stringify(message.kind === 'answer' ? { ...message, answer: answerToWire(message.answer) } : message));
}

/** Undefined for whatever does not follow the protocol. `wallNow` is this node's time, in milliseconds since the Unix epoch. */
export function decodeDirectoryMessage(payload: Uint8Array, wallNow: number): DirectoryMessage | undefined {
  const message = parse(payload);
  if (message === undefined) return undefined;
  switch (message['kind']) {
    case 'changes': {
      const agents = readAgents(message['agents'], wallNow);
      return agents && { kind: 'changes', agents };
    }
    case 'sweep': {
      const { after, upTo } = message;
      const agents = readAgents(message['agents'], wallNow);
      const isRange = isText(after) && (upTo === null || isText(upTo));
      return agents && isRange ? { kind: 'sweep', after, upTo, agents } : undefined;
    }
    case 'command': {
      const { agent } = message;
      const order = readOrder(message['order']);
      return order && isText(agent) ? { kind: 'command', agent, order } : undefined;
    }
    case 'answer': {
      const { command } = message;
      const answer = readAnswer(message['answer']);
      return answer && isText(command) ? { kind: 'answer', command, answer } : undefined;
    }
    default:
      return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parse(payload: Uint8Array): Fields | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function readAgents(value: unknown, wallNow: number): readonly WireAgent[] | undefined {
  if (!Array.isArray(value) || value.length > AGENTS_PER_MESSAGE) return undefined;
  const agents = value.map((agent) => readAgent(agent, wallNow));
  return agents.every((agent) => agent !== undefined) ? agents : undefined;
}

function readAgent(value: unknown, wallNow: number): WireAgent | undefined {
  if (!isFields(value)) return undefined;
  const { id, program, connectedAtMs, isConnected, ratePerS, records, seenAgoMs } = value;
  if (!isText(id) || !isAgentId(id) || !isText(program) || !isProgram(program) || typeof isConnected !== 'boolean') return undefined;
  // Not every integer has a successor from 2^53 on, and the next connection is dated after this one.
  if (!isAmount(connectedAtMs) || !Number.isSafeInteger(connectedAtMs) || connectedAtMs > wallNow + CLOCK_AHEAD_MAX_MS) return undefined;
  if (!isAmount(ratePerS) || !isAmount(records) || !isAmount(seenAgoMs)) return undefined;
  return { id, program, connectedAtMs, isConnected, ratePerS, records, seenAgoMs };
}

function readOrder(value: unknown): CommandOrder | undefined {
  if (!isFields(value)) return undefined;
  const { command, name, timeoutMs, arguments: words } = value;
  if (!isText(command) || !isText(name) || !isAmount(timeoutMs)) return undefined;
  if (!Array.isArray(words) || !words.every(isText)) return undefined;
  return { command, name, arguments: words, timeoutMs };
}

function answerToWire(answer: CommandAnswer): Fields {
  if (!(answer instanceof MeshError)) return { ok: answer.ok, output: answer.output };
  const { code, message, given, expected, todo } = answer;
  return { code, message, given, expected, todo };
}

function readAnswer(value: unknown): CommandAnswer | undefined {
  if (!isFields(value)) return undefined;
  const { ok, output, code, message, given, expected, todo } = value;
  if (typeof ok === 'boolean' && isText(output)) return { ok, output };
  if (!isText(code) || !isErrorCode(code) || !isText(message)) return undefined;
  return new MeshError(code, message, { ...(isText(given) && { given }), ...(isText(expected) && { expected }), ...(isText(todo) && { todo }) });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** What can be counted or measured: never negative, never infinite. */
function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
