/** Commands that this node was asked to send and that wait for their answer: each is answered exactly once. Pure. */
import { COMMAND_TIMEOUT_MAX_MS } from '../../command-timeout.ts';
import { MeshError } from '../../errors.ts';
import type { CommandOrder } from './agent-session.ts';

/** Each waits for a caller who gives up after its own time; more than this is a script gone wrong. */
const OUTSTANDING_MAX = 10_000;
const NAME_CHARS_MAX = 128;
const ARGUMENTS_MAX = 64;
/** A command must fit into one frame to the agent with room to spare. */
const ARGUMENTS_BYTES_MAX = 64 * 1024;

interface Outstanding {
  readonly agent: string;
  /** Where it was sent; an answer from elsewhere is none. */
  readonly node: string;
  readonly timeoutMs: number;
}

export class Commands {
  readonly #outstanding = new Map<string, Outstanding>();

  get size(): number {
    return this.#outstanding.size;
  }

  /** Why this command is not sent, if it is not: BAD_ARGUMENT, TOO_LARGE, OVERLOADED. */
  begin(order: CommandOrder, agent: string, node: string): MeshError | undefined {
    const fault = orderFault(order);
    if (fault !== undefined) return fault;
    if (this.#outstanding.size >= OUTSTANDING_MAX) {
      return new MeshError('OVERLOADED', `${OUTSTANDING_MAX} commands wait for their answer already`, { todo: 'try again later' });
    }
    this.#outstanding.set(order.command, { agent, node, timeoutMs: order.timeoutMs });
    return undefined;
  }

  /** Whether an answer from this node was waited for; it is not any more. */
  answered(command: string, node: string): boolean {
    return this.#outstanding.get(command)?.node === node && this.#outstanding.delete(command);
  }

  /** The time of the command is over; the fault to answer, unless it has been answered. */
  late(command: string): MeshError | undefined {
    const outstanding = this.#outstanding.get(command);
    if (outstanding === undefined) return undefined;
    this.#outstanding.delete(command);
    const { agent, node, timeoutMs } = outstanding;
    return new MeshError('AGENT_LATE', `agent ${agent} on ${node} did not answer in ${timeoutMs} ms`, {
      expected: `an answer in ${timeoutMs} ms`,
      todo: 'it may have run the command nonetheless; give it more time, or see with `mesh agents` whether it is connected',
    });
  }
}

/** What is wrong with a command, wherever it comes from: BAD_ARGUMENT, TOO_LARGE. */
export function orderFault({ name, arguments: words, timeoutMs }: CommandOrder): MeshError | undefined {
  if (name.length === 0 || name.length > NAME_CHARS_MAX) {
    return new MeshError('BAD_ARGUMENT', 'a command needs a name', { given: `${name.length} characters`, expected: `1 to ${NAME_CHARS_MAX}` });
  }
  if (!Number.isFinite(timeoutMs) || timeoutMs <= 0 || timeoutMs > COMMAND_TIMEOUT_MAX_MS) {
    return new MeshError('BAD_ARGUMENT', 'a command needs a time to wait for its answer', { given: `${timeoutMs} ms`, expected: `1 to ${COMMAND_TIMEOUT_MAX_MS} ms` });
  }
  if (words.length > ARGUMENTS_MAX) {
    return new MeshError('TOO_LARGE', 'too many arguments for one command', { given: String(words.length), expected: `at most ${ARGUMENTS_MAX}` });
  }
  const bytes = words.reduce((sum, word) => sum + Buffer.byteLength(word), 0);
  if (bytes <= ARGUMENTS_BYTES_MAX) return undefined;
  return new MeshError('TOO_LARGE', 'the arguments are too large for one command', { given: `${bytes} bytes`, expected: `at most ${ARGUMENTS_BYTES_MAX}` });
}
