/** What the linter cannot say about this house. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { allCommands } from '../src/cli/commands.ts';
import { CONFIG_KEYS, flagOf, hasFlag, variableOf, type ConfigKey } from '../src/config/config.ts';
import { ERROR_CATALOGUE } from '../src/errors.ts';

const COMMANDS = await allCommands();

const ROOT = new URL('..', import.meta.url).pathname;
const LINES_MAX = 400;
/** Where a program or a thread starts, the simulator among them; everything else must be reachable from here. */
const DOORS = ['src/index.ts', 'src/cli/main.ts', 'src/transport/memory-network.ts', 'src/supervision/watchdog/watchdog-thread.ts', 'src/supervision/thread/thread-main.ts'];

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('/generated/'));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** As GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!.toLowerCase().replaceAll(/[^\p{L}\d _-]/gu, '').replaceAll(' ', '-'));
}

function importsOf(file: string): string[] {
  return [...read(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target]) => join(dirname(file), target!));
}

describe('the house', () => {
  const sources = filesBelow('src', '.ts');

  it('has no file that nobody reaches', () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file) || file.includes('/generated/')) return;
      reached.add(file);
      for (const target of importsOf(file)) visit(target);
    };
    for (const door of DOORS) visit(door);
    expect(sources.filter((file) => !reached.has(file))).to.deep.equal([]);
  });

  it('has no file of more than 400 lines', () => {
    const long = [...sources, ...filesBelow('test', '.ts'), ...filesBelow('bench', '.ts'), ...filesBelow('demo', '.ts')]
      .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > LINES_MAX);
    expect(long).to.deep.equal([]);
  });

  it('names files in kebab-case for what they hold, never for being of use', () => {
    expect(sources.filter((file) => !/^[a-z0-9-]+\.ts$/.test(file.slice(file.lastIndexOf('/') + 1)))).to.deep.equal([]);
    expect(sources.filter((file) => /\/(utils?|helpers?|common|types|misc)(\.ts|\/)/.test(file))).to.deep.equal([]);
    expect(sources.filter((file) => file.endsWith('/index.ts') && file !== 'src/index.ts')).to.deep.equal([]);
  });

  it('shows every room in ARCHITECTURE.md, and no room there that does not exist', () => {
    const text = read('ARCHITECTURE.md');
    const rooms = readdirSync(join(ROOT, 'src/actors'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const shown = [...text.matchAll(/^\| `([a-z-]+)\/` \|/gm)].map(([, name]) => name);
    expect(shown).to.have.members(rooms);
    for (const [, file] of text.matchAll(/`([a-z-]+(?:\.test)?\.ts)`/g)) {
      expect([...sources, ...filesBelow('test', '.ts')].some((known) => known.endsWith(`/${file}`)), `${file} in ARCHITECTURE.md`).to.equal(true);
    }
  });

  it('documents every command in the README, and no other', () => {
    const documented = [...read('README.md').matchAll(/^\| `mesh ([a-z -]+?)(?: [<[-].*?)?` \|/gm)].map(([, words]) => words);
    expect(documented).to.have.members(COMMANDS.map(({ words }) => words));
  });

  it('documents every configuration key in the README, and no other', () => {
    const documented = [...read('README.md').matchAll(/^\| `(--[a-z-]+|MESH_[A-Z_]+)` \|/gm)].map(([, name]) => name);
    const keys = Object.keys(CONFIG_KEYS) as ConfigKey[];
    expect(documented).to.have.members(keys.map((key) => (hasFlag(key) ? flagOf(key) : variableOf(key))));
  });

  it('documents every error code in the README, and no other', () => {
    const documented = [...read('README.md').matchAll(/^\| `([A-Z_]+)` \| (\d) \|/gm)].map(([, code, exit]) => `${code} ${exit}`);
    expect(documented).to.have.members(Object.entries(ERROR_CATALOGUE).map(([code, { exitCode }]) => `${code} ${exitCode}`));
  });

  it('has no page whose links lead nowhere', () => {
    const pages = ['', 'docs', 'bench', 'deploy', 'examples'].flatMap((folder) => readdirSync(join(ROOT, folder)).filter((file) => file.endsWith('.md')).map((file) => join(folder, file)));
    const lost = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)].flatMap(([link, target = '', heading]) => {
        if (target.includes('://')) return [];
        const file = target === '' ? page : join(dirname(page), target);
        return existsSync(join(ROOT, file)) && (heading === undefined || anchorsOf(file).includes(heading)) ? [] : [`${page}: ${link}`];
      }),
    );
    expect(lost).to.deep.equal([]);
  });

  it('waits for real time only where real processes run', () => {
    const quiet = filesBelow('test', '.ts').filter((file) => !/^test\/(end-to-end|interop|support)\//.test(file));
    expect(quiet.filter((file) => /setTimeout\([^)]*resolve|await (sleep|delay)\(/.test(read(file)))).to.deep.equal([]);
  });

  it('leaves no test out', () => {
    const marks = new RegExp(`\\b(it|describe)\\.(${['skip', 'only'].join('|')})\\(`);
    expect(filesBelow('test', '.ts').filter((file) => marks.test(read(file)))).to.deep.equal([]);
  });
});
