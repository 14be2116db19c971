/** Programs of ours in Go, built from Debian's packages alone: nothing is fetched. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Where Debian puts the sources of Go's libraries. */
export const GOPATH = '/usr/share/gocode';

/**
 * @param source a file of its own
 * @param folder for the program, and for what the compiler keeps
 * @param gopath where sources are looked for, separated by colons
 * @returns the path of the program
 */
export function buildGoProgram(source: string, name: string, folder: string, gopath = GOPATH): string {
  const program = join(folder, name);
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, GOPATH: gopath, GO111MODULE: 'off', CGO_ENABLED: '0', GOCACHE: join(folder, 'cache') };
  execFileSync('go', ['build', '-o', program, source], { env, stdio: 'pipe' });
  return program;
}
