import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { clipLine } from '../../src/cli/clip-line.ts';
import type { Terminal } from '../../src/cli/command.ts';
import { keysOf } from '../../src/cli/keys.ts';
import type { LiveInput } from '../../src/cli/live-view.ts';
import { paintFor } from '../../src/cli/paint.ts';
import { formatTop, sorted, topRows } from '../../src/cli/top-rows.ts';
import { topView } from '../../src/cli/top-view.ts';
import { treeView } from '../../src/cli/tree-view.ts';
import { treeLine } from '../../src/cli/views.ts';
import { MeshError } from '../../src/errors.ts';
import type { TreeNode__Output } from '../../src/transport/generated/omega/mesh/v1/TreeNode.ts';
import { FakeProcess } from './fake-process.ts';

const PLAIN = paintFor(false, {});
const COLOURED = paintFor(true, {});

function node(path: string, parts: Partial<TreeNode__Output> = {}): TreeNode__Output {
  return {
    path, type: 'worker', status: 'running', strategy: '', restart: 'permanent', life: 1, restarts: 0, mailbox: 0, mailboxMax: 100,
    processed: 0, uptimeMs: 1_000, lastError: '', ratePerS: 0, busyMs: 0, children: [], ...parts,
  };
}

const TREE = node('/', {
  type: 'supervisor',
  strategy: 'one_for_one',
  children: [
    node('/a', { mailbox: 60, ratePerS: 2.04, busyMs: 100 }),
    node('/b', { restarts: 3, ratePerS: 5, busyMs: 10 }),
    node('/c', { status: 'restarting', busyMs: 10 }),
  ],
});

describe('keys', () => {
  it('are what terminals send for them, several at once too', () => {
    expect(keysOf('\u001b[A\u001bOB\u001b[5~\u001b[6~\u001b[H\u001b[4~')).to.deep.equal(['up', 'down', 'page-up', 'page-down', 'home', 'end']);
    expect(keysOf('jqm\u0003')).to.deep.equal(['down', 'quit', { letter: 'm' }, 'quit']);
  });

  it('that mean nothing are left out, a lone escape too', () => {
    expect(keysOf('\u001b[1;5C\u001b\u001b[200~7é\u{1f600}')).to.deep.equal([]);
  });
});

describe('a line for a screen', () => {
  it('is cut to its width, and its colours end all the same', () => {
    expect(clipLine('abcdef', 4)).to.equal('abcd');
    expect(clipLine('\u001b[31mabcdef\u001b[39m', 4)).to.equal('\u001b[31mabcd\u001b[39m');
    expect(clipLine('abcd', 4)).to.equal('abcd');
    expect(clipLine('└─ é', 3)).to.equal('└─ ');
  });
});

describe('rows of actors', () => {
  const before = { tree: TREE, atMs: 1_000 };
  const later = { ...TREE, children: TREE.children.map((child) => (child.path === '/b' ? { ...child, busyMs: 260 } : child)) };
  const rows = topRows({ tree: later, atMs: 1_500 }, before);

  it('say how busy an actor was between two looks', () => {
    expect(rows.map(({ path, busyPercent }) => [path, busyPercent])).to.deep.equal([['/', 0], ['/a', 0], ['/b', 50], ['/c', 0]]);
    expect(topRows(before, undefined).every(({ busyPercent }) => busyPercent === 0)).to.equal(true);
  });

  for (const [sort, first] of [['mailbox', '/a'], ['rate', '/b'], ['busy', '/b'], ['restarts', '/b'], ['name', '/']] as const) {
    it(`have by ${sort} ${first} at the top, and the others by name below`, () => {
      const paths = sorted(rows, sort).map(({ path }) => path);
      expect(paths[0]).to.equal(first);
      if (sort !== 'rate') expect(paths.slice(1)).to.deep.equal(['/', '/a', '/b', '/c'].filter((path) => path !== first));
    });
  }

  it('give columns up where the screen is narrow, but never what they are sorted by', () => {
    const heads = (columns: number | undefined): string[] => (formatTop(rows, 'restarts', PLAIN, columns)[0] ?? '').trim().split(/\s{2,}/);
    expect(heads(undefined)).to.deep.equal(['ACTOR', 'STATE', 'MAILBOX', 'RATE/S', 'BUSY %', 'RESTARTS▼', 'UPTIME']);
    expect(heads(52)).to.deep.equal(['ACTOR', 'STATE', 'MAILBOX', 'RESTARTS▼']);
    expect(heads(20)).to.deep.equal(['ACTOR', 'RESTARTS▼']);
  });

  it('fill the screen and no more, with or without colours, and show the end of a long path', () => {
    const long = topRows({ tree: node(`/agents/sessions/${'x'.repeat(100)}-end`), atMs: 0 }, undefined);
    for (const columns of [24, 40, 80, 200]) {
      for (const paint of [PLAIN, COLOURED]) {
        const lines = formatTop([...rows, ...long], 'mailbox', paint, columns).map(stripVTControlCharacters);
        expect(lines.every((line) => line.length <= columns), `${columns}`).to.equal(true);
        if (columns < 100) expect(lines.at(-1)).to.match(/^….*-end/);
      }
    }
  });
});

describe('mesh top on a screen', () => {
  type Input = LiveInput<TreeNode__Output>;
  const view = topView('n1', 'mailbox', PLAIN);
  const many = node('/', { children: Array.from({ length: 3_000 }, (_, at) => node(`/w${String(at).padStart(4, '0')}`)) });
  const run = (size: { columns: number; rows: number }, ...inputs: Input[]): readonly string[] =>
    view.lines(inputs.reduce((state, input) => view.next(state, input), view.start(size)));
  const key = (typed: string): Input => ({ kind: 'key', key: keysOf(typed)[0]! });
  const SAMPLE: Input = { kind: 'sample', sample: many, atMs: 0 };
  const SIZE = { columns: 100, rows: 13 };

  it('shows totals, a head, as many actors as fit, and the keys', () => {
    const lines = run({ columns: 100, rows: 8 }, { kind: 'sample', sample: TREE, atMs: 0 });
    expect(lines).to.have.length(8);
    expect(lines[0]).to.equal('n1 up 1s · 4 actors, 1 not running · 60 waiting · 7.0/s · busy 0.0 % · 3 restarts');
    expect(lines[2]).to.match(/^\/a +running +60/);
    expect(lines.at(-1)).to.include('q quit');
  });

  it('scrolls by line and page, and stays within what there is', () => {
    const first = (...inputs: Input[]): string => run(SIZE, SAMPLE, ...inputs)[2]!.split(' ')[0]!;
    expect(first()).to.equal('/');
    expect(first(key('\u001b[B'), key('\u001b[B'), key('\u001b[A'))).to.equal('/w0000');
    expect(first(key('\u001b[6~'))).to.equal('/w0009');
    expect(first(key('\u001b[F'))).to.equal('/w2990');
    expect(first(key('\u001b[F'), key('\u001b[B'))).to.equal('/w2990');
    expect(first(key('\u001b[F'), key('\u001b[H'), key('\u001b[5~'))).to.equal('/');
    expect(first(key('\u001b[F'), { kind: 'sample', sample: TREE, atMs: 1 })).to.equal('/a');
  });

  it('sorts by what is asked, from the top', () => {
    const lines = run(SIZE, { kind: 'sample', sample: TREE, atMs: 0 }, key('j'), key('t'));
    expect(lines[1]).to.include('RESTARTS▼');
    expect(lines[2]).to.match(/^\/b /);
  });

  it('fits every size there is', () => {
    for (const rows of [1, 2, 3, 5, 40]) expect(run(SIZE, SAMPLE, { kind: 'size', size: { columns: 40, rows } })).to.have.length.at.most(rows);
  });

  it('says when the node does not answer, until it does', () => {
    const trouble: Input = { kind: 'trouble', what: 'no node answers' };
    expect(run(SIZE, SAMPLE, trouble).at(-1)).to.equal('no node answers');
    expect(run(SIZE, SAMPLE, trouble, SAMPLE).at(-1)).to.include('q quit');
  });
});

describe('mesh tree --watch on a screen', () => {
  const view = treeView(PLAIN);
  const sample = { kind: 'sample', sample: treeLine(TREE, 9), atMs: 0 } as const;

  it('keeps its columns where they are, whatever is in sight', () => {
    const wide = treeLine(node('/', { children: [node('/a'), node('/a-name-that-is-long')] }), 9);
    const state = view.next(view.start({ columns: 80, rows: 3 }), { kind: 'sample', sample: wide, atMs: 0 });
    const end = view.next(state, { kind: 'key', key: 'end' });
    expect(view.lines(state)[0]).to.equal(view.lines(end)[0]);
  });

  it('keeps the head above what is scrolled', () => {
    let state = view.next(view.start({ columns: 80, rows: 4 }), sample);
    expect(view.lines(state).map((line) => line.split(/\s{2,}/)[0])).to.deep.equal(['ACTOR', '/ (one_for_one)', '├─ a', '1–2 of 4 · ↑↓ page · q quit']);
    state = view.next(state, { kind: 'key', key: 'end' });
    expect(view.lines(state).map((line) => line.split(/\s{2,}/)[0])).to.deep.equal(['ACTOR', '├─ b', '└─ c', '3–4 of 4 · ↑↓ page · q quit']);
    state = view.next(state, { kind: 'size', size: { columns: 80, rows: 10 } });
    expect(view.lines(state)).to.have.length(10);
  });
});

class FakeTerminal implements Terminal {
  readonly written: string[] = [];
  isRaw = false;
  type: (typed: string) => void = () => undefined;
  resize: () => void = () => undefined;
  columns = 60;

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: 10 };
  }

  onInput(heard: (typed: string) => void): () => void {
    this.isRaw = true;
    this.type = heard;
    return () => void (this.isRaw = false);
  }

  onResize(heard: () => void): () => void {
    this.resize = heard;
    return () => undefined;
  }

  write(text: string): void {
    this.written.push(text);
  }

  enter(enter: string, leave: string): () => void {
    this.write(enter);
    return () => this.write(leave);
  }
}

describe('a live view', () => {
  const RESTORED = '\u001b[?7h\u001b[?25h\u001b[?1049l';
  let fake: FakeProcess;
  let terminal: FakeTerminal;

  beforeEach(() => {
    fake = new FakeProcess();
    terminal = new FakeTerminal();
    fake.terminal = terminal;
  });
  afterEach(() => fake.remove());

  /** Lets the node answer, then does `then`. */
  const whenAsked = (then: () => void): void => fake.answerAsNode({ getTree: () => (setImmediate(then), Promise.resolve(TREE)) });

  for (const [what, end] of [
    ['q', () => terminal.type('q')],
    ['Ctrl-C, which a raw terminal sends as a key', () => terminal.type('\u0003')],
    ['SIGTERM', () => fake.signal('SIGTERM')],
  ] as const) {
    for (const words of [['top'], ['tree', '--watch']]) {
      it(`of mesh ${words.join(' ')} ends with 0 at ${what}, and gives the screen back`, async () => {
        whenAsked(end);
        expect(await fake.mesh(...words)).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' });
        expect(terminal.written.at(-1)).to.equal(RESTORED);
        expect(terminal.written.join('')).to.include('/');
        expect([terminal.isRaw, fake.isListeningForSignals, fake.closed]).to.deep.equal([false, false, 1]);
      });
    }
  }

  it('gives the screen back before it says what the node refused', async () => {
    fake.answerAsNode({ getTree: () => Promise.reject(new MeshError('UNKNOWN_PATH', 'there is no actor at /x')) });
    expect(await fake.mesh('tree', '/x', '--watch')).to.include({ exitCode: 1 }).and.to.have.property('stderr').that.includes('/x');
    expect(terminal.written.at(-1)).to.equal(RESTORED);
  });

  it('gives the screen back before it tells of a bug', async () => {
    whenAsked(() => {
      terminal.size = () => {
        throw new Error('odd terminal');
      };
      terminal.resize();
    });
    expect(await fake.mesh('top')).to.include({ exitCode: 1 }).and.to.have.property('stderr').that.includes('odd terminal');
    expect(terminal.written.at(-1)).to.equal(RESTORED);
  });

  it('is drawn anew at each size', async () => {
    whenAsked(() => {
      terminal.columns = 20;
      terminal.written.length = 0;
      terminal.resize();
      const drawn = terminal.written.join('').split('\r\n').map(stripVTControlCharacters);
      expect(drawn.every((line) => line.length <= 20)).to.equal(true);
      terminal.type('q');
    });
    expect((await fake.mesh('top')).exitCode).to.equal(0);
  });

  it('is refused where there is no terminal to draw on', async () => {
    fake.terminal = undefined;
    fake.answerAsNode({});
    expect(await fake.mesh('tree', '--watch')).to.include({ exitCode: 2, stdout: '' }).and.to.have.property('stderr').that.includes('standard output is none');
  });

  it('of top is one picture where there is none, or as JSON', async () => {
    fake.answerAsNode({ getTree: () => Promise.resolve(TREE) });
    const json = JSON.parse((await fake.mesh('top', '--json', '--sort', 'restarts')).stdout) as object[];
    expect(json[0]).to.deep.equal({ path: '/b', type: 'worker', status: 'running', mailbox: 0, mailboxMax: 100, ratePerS: 5, busyPercent: 0, restarts: 3, uptimeMs: 1_000 });
    expect(terminal.written).to.deep.equal([]);
    fake.terminal = undefined;
    expect((await fake.mesh('top')).stdout.split('\n')[1]).to.match(/^\/a +running +60/);
    expect(await fake.mesh('top', '--sort', 'mail')).to.include({ exitCode: 2 }).and.to.have.property('stderr').that.includes('did you mean mailbox?');
  });
});
