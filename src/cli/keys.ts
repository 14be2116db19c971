/** Keys from what a terminal sends for them. Pure. */

export type Key = 'up' | 'down' | 'page-up' | 'page-down' | 'home' | 'end' | 'quit' | { readonly letter: string };

/** As xterm, the Linux console and tmux send them; with and without application mode. */
const SEQUENCES: Readonly<Record<string, Key>> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u001b[5~': 'page-up',
  '\u001b[6~': 'page-down',
  '\u001b[H': 'home',
  '\u001bOH': 'home',
  '\u001b[1~': 'home',
  '\u001b[F': 'end',
  '\u001bOF': 'end',
  '\u001b[4~': 'end',
  '\u0003': 'quit',
  q: 'quit',
  k: 'up',
  j: 'down',
  ' ': 'page-down',
  g: 'home',
  G: 'end',
};

// oxlint-disable-next-line no-control-regex
const ONE_KEY = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001bO.|[^]/gu;

/** What is no key here is left out: a lone escape too, for it may be the first half of one that comes in two. */
export function keysOf(typed: string): readonly Key[] {
  return (typed.match(ONE_KEY) ?? []).flatMap((sequence): Key[] => {
    const key = SEQUENCES[sequence];
    if (key !== undefined) return [key];
    return /^[a-z]$/i.test(sequence) ? [{ letter: sequence }] : [];
  });
}
