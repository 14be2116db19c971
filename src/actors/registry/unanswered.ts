/** Writes that are in the document and whose answer waits for the disk. */
import { MeshError } from '../../errors.ts';
import { SAVE_AGAIN_MS } from './persistence.ts';

/** As many as may wait in a mailbox; a disk that hangs is in trouble long before, and then writes are refused anyway. */
const UNANSWERED_MAX = 10_000;
const NEXT_ATTEMPT = `the node tries again every ${SAVE_AGAIN_MS / 1_000} s`;

interface Waiting {
  /** The count of changes with which it is saved. */
  readonly upTo: number;
  readonly answer: (fault: MeshError | undefined) => void;
}

export class Unanswered {
  /** In the order of their changes. */
  #waiting: Waiting[] = [];

  get count(): number {
    return this.#waiting.length;
  }

  add(upTo: number, answer: Waiting['answer']): void {
    this.#waiting.push({ upTo, answer });
  }

  /** The first `upTo` changes are saved; with a fault, they are not yet. */
  settle(upTo: number, fault: MeshError | undefined): void {
    const told = fault && new MeshError('DATA_DIR_UNUSABLE', `changed in memory and told to peers, but not saved: ${fault.message}`, parts(fault));
    const first = this.#waiting.findIndex((waiting) => waiting.upTo > upTo);
    const settled = this.#waiting.splice(0, first === -1 ? this.#waiting.length : first);
    for (const { answer } of settled) answer(told);
  }

  /** Why there is to be no further write just now, if so. @param trouble with the disk */
  refusal(trouble: MeshError | undefined): MeshError | undefined {
    if (trouble !== undefined) return new MeshError('DATA_DIR_UNUSABLE', `not changed, because it could not be saved: ${trouble.message}`, parts(trouble));
    if (this.#waiting.length < UNANSWERED_MAX) return undefined;
    return new MeshError('OVERLOADED', 'more writes wait for the disk than may', {
      given: `${this.#waiting.length} writes and one more`,
      expected: `at most ${UNANSWERED_MAX} at a time`,
      todo: 'write more slowly',
    });
  }
}

function parts({ given, expected, todo, cause }: MeshError): ConstructorParameters<typeof MeshError>[2] {
  return {
    ...(given === undefined ? {} : { given }),
    ...(expected === undefined ? {} : { expected }),
    todo: todo === undefined ? NEXT_ATTEMPT : `${todo}; ${NEXT_ATTEMPT}`,
    cause,
  };
}
