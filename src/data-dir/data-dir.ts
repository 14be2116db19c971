/**
 * The directory that one node owns while it runs, and how commands on the same machine find that node.
 * Who holds it stands in `node.lock`; a copy under the person's home tells where data directories in use are.
 */
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MeshError } from '../errors.ts';
import { absolutePath, registrationDir } from '../config/home-path.ts';
import { isRunning, readHeld, releaseLock, takeLock, thisProcess, writeHeld, type Held } from './lock-file.ts';
import { systemErrorMeaning } from '../system-error.ts';

/** Where a node that is up is reached. */
interface NodeAddresses {
  readonly gossipAddress: string;
  readonly grpcAddress: string;
  readonly adminSocket: string;
}

export interface DataDirClaim {
  /** It is there, and takes lines. */
  readonly logFile: string;
  /**
   * Says that the node is up, so that commands find it. `unregistered` when nothing can be written under home: then
   * they find it by its data directory only.
   */
  announce(addresses: NodeAddresses): 'registered' | 'unregistered';
  /** Happens by itself when the process exits. */
  release(): void;
}

export interface FoundNode extends NodeAddresses {
  readonly name: string;
  readonly dataDir: string;
  readonly pid: number;
}

/**
 * Makes the directory when there is none, and takes it for this process.
 * @throws MeshError DATA_DIR_UNUSABLE, ALREADY_RUNNING
 */
export function claimDataDir(options: {
  readonly dataDir: string;
  readonly name: string;
  readonly home: string;
  /** Whether MESH_DATA_DIR chose the directory: its user may not know that it did. */
  readonly isFromVariable?: boolean;
}): DataDirClaim {
  const { dataDir, name, home, isFromVariable = false } = options;
  const lock = join(dataDir, 'node.lock');
  const registration = join(registrationDir(home), `${process.pid}.json`);
  const logFile = join(dataDir, 'log', 'node.jsonl');
  const identity = { ...thisProcess(), name, dataDir };
  usable(dataDir, () => makeDir(dirname(logFile)));
  // The log opens it when the node runs already, and would have nowhere to say that it cannot.
  usable(dataDir, () => closeSync(openSync(logFile, 'a', 0o600)), `the log file ${logFile}`);
  const holder = usable(dataDir, () => takeLock(lock, identity));
  if (holder !== undefined) throw alreadyRunning(dataDir, holder, isFromVariable);

  const release = (): void => {
    process.off('exit', release);
    try {
      releaseLock(registration, identity);
      releaseLock(lock, identity);
    } catch {
      // The files cannot be reached any more. They name a process that is about to be gone, so nobody will heed them.
    }
  };
  process.on('exit', release);
  return {
    logFile,
    announce({ gossipAddress, grpcAddress, adminSocket }) {
      const announced: Held = { ...identity, gossipAddress, grpcAddress, adminSocket };
      usable(dataDir, () => writeHeld(lock, announced));
      try {
        makeDir(registrationDir(home));
        writeHeld(registration, announced);
        return 'registered';
      } catch {
        return 'unregistered';
      }
    },
    release,
  };
}

/**
 * The node in `dataDir`, else in MESH_DATA_DIR, else the only one that this person runs on this machine.
 * @throws MeshError NODE_UNREACHABLE, NODE_AMBIGUOUS
 */
export function findNode(options: {
  readonly dataDir: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}): FoundNode {
  const chosen = options.dataDir ?? options.env['MESH_DATA_DIR'];
  if (chosen !== undefined && chosen !== '') return findNodeIn(absolutePath(chosen, options.home), options.dataDir === undefined);
  const [only, ...others] = registeredNodes(options.home);
  if (only === undefined) {
    throw new MeshError('NODE_UNREACHABLE', 'no node is running here', {
      expected: 'a running node',
      todo: 'start one with `mesh start`, or name the directory of one that runs with --data-dir',
    });
  }
  if (others.length === 0) return only;
  const running = [only, ...others].map(({ name, dataDir, pid }) => `  ${name} (pid ${pid}): --data-dir ${dataDir}`).sort();
  throw new MeshError('NODE_AMBIGUOUS', [`${running.length} nodes are running here:`, ...running].join('\n'), {
    todo: 'choose one with --data-dir or MESH_DATA_DIR',
  });
}

function findNodeIn(dataDir: string, isFromVariable: boolean): FoundNode {
  const held = usable(dataDir, () => readHeld(join(dataDir, 'node.lock')));
  if (held === undefined || !isRunning(held)) {
    throw new MeshError('NODE_UNREACHABLE', `no node is running in ${dataDir}`, {
      given: dataDir,
      expected: 'the data directory of a running node',
      todo: `${isFromVariable ? 'MESH_DATA_DIR names that directory: unset it, or ' : ''}start one with \`mesh start --data-dir ${dataDir}\``,
    });
  }
  if (!isAnnounced(held)) {
    throw new MeshError('NODE_UNREACHABLE', `the node in ${dataDir}, pid ${held.pid}, is still starting`, {
      given: dataDir,
      expected: 'a node that is up',
      todo: 'try again in a moment',
    });
  }
  return held;
}

/** Sweeps away what nodes that were killed have left. */
function registeredNodes(home: string): FoundNode[] {
  const dir = registrationDir(home);
  const nodes: FoundNode[] = [];
  for (const file of listDir(dir).filter((name) => name.endsWith('.json'))) {
    const held = readHeld(join(dir, file));
    if (held !== undefined && isRunning(held)) {
      if (isAnnounced(held)) nodes.push(held);
    } else {
      rmSync(join(dir, file), { force: true });
    }
  }
  return nodes;
}

function listDir(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    // Nothing was ever registered, or not for our eyes: either way there is no node to be found there.
    return [];
  }
}

function isAnnounced(held: Held): held is Held & FoundNode {
  return ['name', 'dataDir', 'gossipAddress', 'grpcAddress', 'adminSocket'].every((field) => typeof held[field] === 'string');
}

function alreadyRunning(dataDir: string, { pid }: Held, isFromVariable: boolean): MeshError {
  return new MeshError('ALREADY_RUNNING', `already running, pid ${pid}: it holds ${dataDir}`, {
    given: dataDir,
    expected: 'a data directory that no other node holds',
    todo: isFromVariable
      ? 'MESH_DATA_DIR names that directory: unset it, or say --data-dir'
      : 'stop that node, or start this one under another --name or --data-dir',
  });
}

/**
 * With the parents that are missing. Not by mkdir's own `recursive`: Node (20.20) never returns from it where the system
 * says that nothing can be made in a directory by saying that there is no such directory, as /proc does.
 */
function makeDir(path: string, isParentMade = false): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || isParentMade) throw error;
    makeDir(dirname(path));
    makeDir(path, true);
  }
}

function usable<T>(dataDir: string, act: () => T, what = `the data directory ${dataDir}`): T {
  try {
    return act();
  } catch (error) {
    const meaning = systemErrorMeaning(error);
    if (meaning === undefined) throw error;
    throw new MeshError('DATA_DIR_UNUSABLE', `cannot use ${what}: ${meaning}`, {
      given: dataDir,
      expected: 'a directory in which this user can read and write',
      todo: 'mend it, or choose another --data-dir',
      cause: error,
    });
  }
}
