/** A number and what there are of it: `1 restart`, `2 restarts`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
