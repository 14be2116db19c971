/** Which of the two a process is: a keeper, or the node that is kept. Loads nothing: every command asks. */

/** Set for a node that is kept, whose channel to its parent is then its keeper's. Whoever inherits it has no channel. */
export const KEPT_VARIABLE = 'OMEGA_MESH_KEPT';

export function isKept(env: Readonly<Record<string, string | undefined>>): boolean {
  return env[KEPT_VARIABLE] !== undefined && process.send !== undefined;
}

/**
 * Whether `mesh start --keep` was typed. All else about the arguments, faults too, is for the node to say.
 * @param argv what was typed after `mesh`
 */
export function asksForKeeper(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  return words[0] === 'start' && words.includes('--keep') && !words.includes('--help') && !words.includes('-h');
}
