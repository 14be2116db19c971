/** Colours, where there is a terminal to show them. */
import pc from 'picocolors';

export type Paint = ReturnType<typeof pc.createColors>;

/** https://no-color.org and https://force-color.org: what is set and not empty decides, NO_COLOR before FORCE_COLOR. */
export function paintFor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  if ((env['NO_COLOR'] ?? '') !== '') return pc.createColors(false);
  if ((env['FORCE_COLOR'] ?? '') !== '') return pc.createColors(!['0', 'false'].includes(env['FORCE_COLOR']!));
  return pc.createColors(isTerminal && env['TERM'] !== 'dumb');
}

/** A status of a member, an actor or a session, in the colour of how well that is. */
export function paintStatus(status: string, paint: Paint): string {
  switch (status) {
    case 'alive':
    case 'running':
    case 'open':
    case 'connected':
      return paint.green(status);
    case 'suspect':
    case 'starting':
    case 'restarting':
    case 'stopping':
    case 'connecting':
    case 'backoff':
      return paint.yellow(status);
    case 'dead':
    case 'stopped':
    case 'offline':
      return paint.red(status);
    default:
      return paint.dim(printable(status));
  }
}

/**
 * Names, values and errors come from other machines: control characters are shown, not obeyed, lest they move the
 * cursor or forge a line.
 */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
