/**
 * Where to look for other nodes, in one line: `dns name=mesh.example port=7946`. Users of HashiCorp's go-discover know
 * the form: a strategy (`provider=dns` is one too), then `key=value`, in double quotes where a value has spaces. Pure.
 */
import { MeshError } from '../errors.ts';
import { didYouMean, shown, type ConfigFault } from './config-fault.ts';
import { STRATEGIES, type StrategySpec } from './discover-keys.ts';

type StrategyName = keyof typeof STRATEGIES;

type ValueOf<K> = K extends { readonly isOptional: true; read(text: string): infer T } ? T : K extends { read(text: string): infer T } ? Exclude<T, undefined> : never;

/** What one strategy is told. `text` is the spec as it was given: it holds no secret. */
export type SpecOf<S extends StrategyName> = { readonly strategy: S; readonly text: string } & {
  readonly [K in keyof (typeof STRATEGIES)[S]['keys']]: ValueOf<(typeof STRATEGIES)[S]['keys'][K]>;
};

export type DiscoverSpec = { [S in StrategyName]: SpecOf<S> }[StrategyName];

export type SpecFault = Pick<ConfigFault, 'what' | 'given' | 'expected' | 'todo'>;

/** A spec is a line; what is longer is something else. */
const SPEC_LENGTH_MAX = 4_096;

const NAMES = Object.keys(STRATEGIES) as StrategyName[];

export function readDiscoverSpec(text: string): { readonly spec: DiscoverSpec } | { readonly fault: SpecFault } {
  if (text.length > SPEC_LENGTH_MAX) return faulty(`has ${text.length} characters`, String(text.length), `at most ${SPEC_LENGTH_MAX}`);
  // It is not said back: errors end up in logs.
  if (/\bsecret\s*=/.test(text)) return faulty('holds a secret', 'secret=…', 'secret-file=<path> or secret-env=<variable>: every process can read a command line');
  const words = wordsOf(text);
  if (words === undefined) return faulty('has a quote that does not end', text, 'a value in double quotes: name="a b"');
  const [first = '', ...pairs] = words;
  const name = first.replace(/^provider=/, '');
  if (!isStrategy(name)) return faulty(`begins with ${shown(first)}`, first, `a strategy: ${NAMES.join(', ')}`, didYouMean(name, NAMES));
  return readPairs(name, text, pairs);
}

/** @throws MeshError BAD_ARGUMENT */
export function parseDiscoverSpec(text: string): DiscoverSpec {
  const read = readDiscoverSpec(text);
  if ('spec' in read) return read.spec;
  throw new MeshError('BAD_ARGUMENT', `the spec ${read.fault.what}`, read.fault);
}

function readPairs(name: StrategyName, text: string, pairs: readonly string[]): ReturnType<typeof readDiscoverSpec> {
  const { keys, oneOf }: StrategySpec = STRATEGIES[name];
  const known = Object.keys(keys);
  const values: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    // go-discover writes label_selector.
    const key = pair.slice(0, Math.max(0, at)).replaceAll('_', '-');
    const value = pair.slice(at + 1);
    const spec = keys[key];
    if (at < 1) return faulty(`has ${shown(pair)}`, pair, 'key=value');
    if (spec === undefined || !Object.hasOwn(keys, key)) return faulty(`has the unknown key ${shown(key)}`, key, `for ${name}: ${known.join(', ')}`, didYouMean(key, known));
    if (Object.hasOwn(values, key)) return faulty(`has ${key} twice`, pair, 'each key once');
    values[key] = spec.read(value);
    if (values[key] === undefined) return faulty(`has ${key}=${shown(value)}`, value, spec.expected);
  }
  for (const [key, { standard, isOptional, read, expected }] of Object.entries(keys)) {
    if (Object.hasOwn(values, key)) continue;
    if (standard !== undefined) values[key] = read(standard);
    else if (isOptional !== true) return faulty(`has no ${key}`, text, `${key}=…, ${expected}`);
  }
  const given = oneOf?.filter((key) => Object.hasOwn(values, key)) ?? [];
  if (oneOf !== undefined && given.length !== 1) return faulty(`has ${given.length === 0 ? 'none' : 'more than one'} of ${oneOf.join(', ')}`, text, 'exactly one of them');
  return { spec: Object.freeze({ strategy: name, text, ...values }) as unknown as DiscoverSpec };
}

/** Undefined when a quote does not end. A backslash takes the sign after it as it is. */
function wordsOf(text: string): string[] | undefined {
  const words: string[] = [];
  let word = '';
  let isQuoted = false;
  let hasWord = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    if (sign === '\\' && at + 1 < text.length) word += text[++at];
    else if (sign === '"') isQuoted = !isQuoted;
    else if (isQuoted || !/\s/.test(sign)) word += sign;
    else {
      if (hasWord) words.push(word);
      word = '';
      hasWord = false;
      continue;
    }
    hasWord = true;
  }
  if (hasWord) words.push(word);
  return isQuoted ? undefined : words;
}

function isStrategy(name: string): name is StrategyName {
  return Object.hasOwn(STRATEGIES, name);
}

function faulty(what: string, given: string, expected: string, hint: Pick<SpecFault, 'todo'> = {}): { readonly fault: SpecFault } {
  return { fault: { what, given, expected, ...hint } };
}
