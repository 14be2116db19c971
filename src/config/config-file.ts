/** A YAML configuration file as values that know their line. Pure. */
import { createRequire } from 'node:module';
import type * as yaml from 'yaml';
import type { Node } from 'yaml';
import { didYouMean, shown, type ConfigFault } from './config-fault.ts';

export interface FileValue {
  readonly value: unknown;
  readonly line: number;
  /** Of each item, where the value is a list. */
  readonly itemLines: readonly number[];
}

/** Loaded for the first file: most nodes have none, and it costs them 40 ms. */
const load = createRequire(import.meta.url);

/** Every key together fits on a page; a larger file is another kind of file. */
const TEXT_LENGTH_MAX = 64 * 1024;

/** Values by key. What cannot be read, and keys that are not `known`, become `faults`. */
export function readConfigFile(
  file: { readonly path: string; readonly text: string },
  known: readonly string[],
  faults: ConfigFault[],
): ReadonlyMap<string, FileValue> {
  const values = new Map<string, FileValue>();
  const fault = (line: number, what: string, given: string, expected: string, hint: Pick<ConfigFault, 'todo'> = {}): void =>
    void faults.push({ code: 'BAD_CONFIG', what: `${file.path}:${line}: ${what}`, given, expected, ...hint });

  if (file.text.length > TEXT_LENGTH_MAX) {
    fault(1, `the file has ${file.text.length} characters`, String(file.text.length), `at most ${TEXT_LENGTH_MAX}`);
    return values;
  }
  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = load('yaml') as typeof yaml;
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (node: Node | null): number => (node?.range ? lines.linePos(node.range[0]).line : 1);
  for (const error of document.errors) fault(lines.linePos(error.pos[0]).line, error.message, error.code, 'YAML with each key once');
  if (document.errors.length > 0 || document.contents === null) return values;
  if (!isMap<Node, Node | null>(document.contents)) {
    fault(lineOf(document.contents), 'the file is not a mapping', shown(document.toJS()), 'lines of the form "key: value"');
    return values;
  }
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    if (!known.includes(name)) {
      fault(lineOf(key), `unknown key ${shown(name)}`, name, `one of ${known.join(', ')}`, didYouMean(name, known));
      continue;
    }
    try {
      const itemLines = isSeq<Node | null>(value) ? value.items.map(lineOf) : [];
      values.set(name, { value: value?.toJS(document, { maxAliasCount: 0 }) ?? null, line: lineOf(key), itemLines });
    } catch (error) {
      // Aliases throw, all of them: eight keys need none, and they can loop or fill the memory.
      fault(lineOf(key), `${name} cannot be read: ${(error as Error).message}`, name, 'a plain value');
    }
  }
  return values;
}
