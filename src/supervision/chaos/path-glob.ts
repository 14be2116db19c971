/** Many actors by one word. Pure. */

/** Whether the word can stand for more than one path. */
export function isGlob(word: string): boolean {
  return word.includes('*');
}

/** `*` is any part of one segment, `**` any number of segments: `/agents/*` are its children, `/agents/**` all below. */
export function pathMatcher(glob: string): (path: string) => boolean {
  const source = glob
    .split(/(\*\*|\*)/)
    .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)))
    .join('');
  const pattern = new RegExp(`^${source}$`);
  return (path) => pattern.test(path);
}
