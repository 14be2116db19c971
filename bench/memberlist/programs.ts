/** The two programs that are compared. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whatMemberlistLacks } from '../../test/interop/memberlist-peers.ts';
import { buildGoProgram } from '../../test/support/go-program.ts';
import type { Program } from './side.ts';

const PACKAGE = 'golang-github-hashicorp-memberlist-dev';

export interface Programs {
  readonly theirs: Program;
  readonly ours: Program;
}

/** @throws Error that says which packages are not installed */
export function makePrograms(): Programs {
  const lack = whatMemberlistLacks();
  if (lack !== undefined) throw new Error(lack);
  const folder = mkdtempSync(join(tmpdir(), 'mesh-bench-go-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const version = execFileSync('dpkg-query', ['-W', '-f', '${Version}', PACKAGE], { encoding: 'utf8' });
  return {
    theirs: { name: `memberlist ${version}`, command: [buildGoProgram(path('their-side.go'), 'their-side', folder)] },
    ours: { name: 'omega-mesh', command: [process.execPath, '--import', 'tsx/esm', path('our-side.ts')] },
  };
}

function path(file: string): string {
  return new URL(file, import.meta.url).pathname;
}
