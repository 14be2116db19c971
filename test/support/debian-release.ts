/**
 * Packages of a later release of Debian than this machine has, unpacked into a folder of their own. apt-get fetches them, with
 * lists and state of its own, and checks Debian's signature; nothing is installed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Some ten megabytes, the list of all packages for the most part. */
const FETCH_TIMEOUT_MS = 90_000;

/** The folder, or undefined when they cannot be had here, and then it says why. Fetched once in a process. */
let trixie: { readonly root: string } | { readonly lack: string } | undefined;

/** serf 0.10.1 and memberlist 0.5.0, against 0.9.4 and 0.2.2 in bookworm. */
export function fromTrixie(): { readonly root: string } | { readonly lack: string } {
  return (trixie ??= unpacked('trixie', ['serf', 'golang-github-hashicorp-memberlist-dev']));
}

function unpacked(release: string, packages: readonly string[]): { readonly root: string } | { readonly lack: string } {
  if (!existsSync(KEYRING)) return { lack: `packages of ${release} cannot be checked: ${KEYRING} is missing` };
  const folder = mkdtempSync(join(tmpdir(), `${release}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const needed of ['state/lists/partial', 'cache/archives/partial', 'root']) mkdirSync(join(folder, needed), { recursive: true });
  writeFileSync(join(folder, 'status'), '');
  writeFileSync(join(folder, 'sources.list'), `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${release} main\n`);
  const settings = { 'Dir::Etc::sourcelist': join(folder, 'sources.list'), 'Dir::Etc::sourceparts': '/dev/null', 'Dir::State': join(folder, 'state'), 'Dir::State::status': join(folder, 'status'), 'Dir::Cache': join(folder, 'cache'), 'Acquire::Languages': 'none', 'APT::Update::Error-Mode': 'any', 'APT::Sandbox::User': 'root' };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const run = (command: string, ...args: string[]): unknown => execFileSync(command, args, { cwd: folder, stdio: 'pipe', timeout: FETCH_TIMEOUT_MS });
  try {
    run('apt-get', ...options, 'update');
    run('apt-get', ...options, 'download', ...packages);
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) run('dpkg-deb', '-x', file, 'root');
    return { root: join(folder, 'root') };
  } catch (error) {
    return { lack: `packages of ${release} cannot be had: ${String(error).split('\n')[0]}` };
  }
}
