/** Faults of a configuration: gathered, then told all at once. */
import { MeshError, type ErrorCode } from '../errors.ts';
import { nearestWord } from '../nearest-word.ts';

export interface ConfigFault {
  readonly code: Extract<ErrorCode, 'BAD_CONFIG' | 'BAD_ADDRESS'>;
  /** Where it stands and what was given: `mesh.yaml:3: gossipPort is 70000`. */
  readonly what: string;
  readonly given: string;
  readonly expected: string;
  readonly todo?: string;
}

/** One error for all of them; `BAD_CONFIG` when their codes differ. */
export function faultsAsError(faults: readonly [ConfigFault, ...ConfigFault[]]): MeshError {
  const [first, ...others] = faults;
  if (others.length === 0) return new MeshError(first.code, first.what, first);
  const lines = faults.map(({ what, expected, todo }) => `  ${what}; expected ${expected}${todo === undefined ? '' : `; ${todo}`}`);
  const code = others.every((fault) => fault.code === first.code) ? first.code : 'BAD_CONFIG';
  return new MeshError(code, [`${faults.length} faults in the configuration:`, ...lines].join('\n'));
}

export function didYouMean(word: string, known: readonly string[]): Pick<ConfigFault, 'todo'> {
  // Two letters that changed places are much of a short word: `lna` is `lan` all the same.
  const nearest = known.find((each) => lettersOf(each) === lettersOf(word)) ?? nearestWord(word, known);
  return nearest === undefined ? {} : { todo: `did you mean ${nearest}?` };
}

function lettersOf(word: string): string {
  return word.toLowerCase().split('').sort().join('');
}

const SHOWN_LENGTH_MAX = 80;

/** A value as a line of an error can hold it. */
export function shown(value: unknown): string {
  if (value === null) return 'empty';
  const text = JSON.stringify(value);
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`;
}
