/** A line, with its colours, cut to the width of a screen. Pure. */

// oxlint-disable-next-line no-control-regex
const PART = /\u001b\[[0-9;]*m|[^]/gu;

export function clipLine(line: string, columns: number): string {
  let left = columns;
  let isCut = false;
  const kept = (line.match(PART) ?? []).filter((part) => {
    // Colours take no room, and those that end one must stay.
    if (part.startsWith('\u001b')) return true;
    isCut ||= left === 0;
    left = Math.max(0, left - 1);
    return !isCut;
  });
  return kept.join('');
}
