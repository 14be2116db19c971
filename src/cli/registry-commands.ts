/** Commands about the registry. */
import { MeshError } from '../errors.ts';
import type { CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatChange, formatEntries } from './format-registry.ts';
import { printable } from './paint.ts';
import { changeLine, entryLine } from './views.ts';

export const REGISTRY_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'registry put',
    operands: '<key> <value>',
    summary: 'store a value under a key, on every node',
    example: 'mesh registry put color green',
    run: async ({ ask, answer, operands }) => {
      const [key = '', value = ''] = operands;
      const { created } = await ask((admin) => admin.registryPut({ key, value }));
      answer({ key, created }, () => [`${created ? 'created' : 'changed'} ${printable(key)}`]);
      return DONE;
    },
  },
  {
    words: 'registry get',
    operands: '<key>',
    summary: 'print the value stored under a key',
    example: 'mesh registry get color',
    run: async ({ ask, answer, io, operands }) => {
      const entry = entryLine(await ask((admin) => admin.registryGet({ key: operands[0]! })));
      answer(entry, () => [io.isTerminal.stdout ? entry.value.split('\n').map(printable).join('\n') : entry.value]);
      return DONE;
    },
  },
  {
    words: 'registry delete',
    operands: '<key>',
    summary: 'remove a key and its value, on every node',
    example: 'mesh registry delete color',
    run: async ({ ask, answer, operands }) => {
      const key = operands[0]!;
      const { deleted } = await ask((admin) => admin.registryDelete({ key }));
      if (!deleted) {
        throw new MeshError('NOT_FOUND', `nothing is stored under ${JSON.stringify(key)}`, { given: key, todo: 'see `mesh registry list`' });
      }
      answer({ key, deleted }, () => [`deleted ${printable(key)}`]);
      return DONE;
    },
  },
  {
    words: 'registry list',
    operands: '[prefix]',
    summary: 'list the entries, or those whose key starts with a prefix',
    example: 'mesh registry list service/',
    run: async ({ ask, answer, remark, operands, paint, width }) => {
      const { entries } = await ask((admin) => admin.registryList({ prefix: operands[0] ?? '' }));
      const lines = entries.map(entryLine);
      if (lines.length === 0) remark(operands[0] === undefined ? 'the registry is empty' : `no key starts with "${operands[0]}"`);
      answer(lines, () => (lines.length === 0 ? [] : formatEntries(lines, paint, width)));
      return DONE;
    },
  },
  {
    words: 'registry watch',
    operands: '[prefix]',
    summary: 'print the entries, then every change to them as it comes',
    example: 'mesh registry watch service/',
    run: ({ follow, answerOne, operands, paint }) =>
      follow(
        (admin, signal) => admin.registryWatch({ prefix: operands[0] ?? '' }, signal),
        (event) => {
          const line = changeLine(event);
          answerOne(line, () => formatChange(line, paint));
        },
      ),
  },
];
