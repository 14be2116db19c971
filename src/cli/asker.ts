/** Who runs this process, as a node's trail names them. */
import { userInfo } from 'node:os';

/** The person behind sudo is named too. It is told, not proved: the socket it goes over opens only to the node's owner and root. */
export function askerOf(env: Readonly<Record<string, string | undefined>>, pid: number): string {
  const user = userName();
  const sudoer = env['SUDO_USER'] ?? '';
  return `${sudoer === '' || sudoer === user ? user : `${sudoer} as ${user}`} (pid ${pid})`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without a line in passwd, as in many containers.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
