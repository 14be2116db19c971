/** `mesh start`: one node, until it is told to stop. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import { CONFIG_KEYS, flagOf, hasFlag, readConfig, variableOf, type Config, type ConfigKey, type ConfigSources } from '../config/config.ts';
import { claimDataDir, type DataDirClaim } from '../data-dir/data-dir.ts';
import { MeshError } from '../errors.ts';
import { overseerOf, type Overseer } from '../keeper/overseer.ts';
import type { NodeLog } from '../log.ts';
import type { NodeEnd } from '../node-process.ts';
import { systemErrorMeaning } from '../system-error.ts';
import type { Call, CommandSpec, OptionSpec } from './command.ts';
import { watchForStop } from './stop-signal.ts';
import { control } from './verb-commands.ts';
import { readVersion } from './version.ts';

const KEYS = Object.keys(CONFIG_KEYS) as ConfigKey[];

export const START_COMMAND: CommandSpec = {
  words: 'start',
  operands: '[path]',
  summary: 'run a node; prints one line when it is up; with the path of an actor, start that actor in the node that runs',
  options: [
    ...KEYS.filter(hasFlag).map(optionOf),
    { flags: '--config <file>', summary: `YAML file with these keys: ${KEYS.join(', ')}; flags and variables win over it` },
    {
      flags: '--keep',
      summary:
        'run it under a keeper that starts it again when it crashes (not after exit 0 or 2, nor when it never came up), after 200 ms to 30 s, ' +
        '10 times in 10 minutes; the last crash stands in crash.json in the data directory',
    },
  ],
  example: 'mesh start --name b --bind 127.0.0.2 --join 127.0.0.1',
  run: (call) => (call.operands[0] === undefined ? run(call) : startActor(call, call.operands[0])),
};

/** Options of every command. */
const COMMON: ReadonlySet<string> = new Set(['json', 'dataDir', 'node', 'as']);

/** An actor takes no configuration: what is given belongs to a node, and the path to nothing. */
function startActor(call: Call, path: string): Promise<number> {
  const excess = Object.keys(call.options).find((option) => !COMMON.has(option));
  if (!path.startsWith('/') || excess !== undefined) {
    const todo = path.startsWith('/') ? 'leave the path out to run a node' : "a node's name is given with --name, the path of an actor begins with /";
    throw new MeshError('BAD_ARGUMENT', excess === undefined ? `unexpected argument '${path}'` : `${path} is an actor of a node that runs, and takes no configuration`, { given: excess ?? path, todo });
  }
  return control(call, 'start');
}

async function run(call: Call): Promise<number> {
  if (call.remote !== undefined) throw new MeshError('BAD_ARGUMENT', 'a node is started on its own machine', { todo: 'name an actor, such as /bus/subjects, to start that one in the node elsewhere' });
  const { config, warnings } = readConfig(sourcesOf(call));
  for (const warning of warnings) call.remark(`warning: ${warning}`);
  call.io.outliveReader();
  const isFromVariable = call.options['dataDir'] === undefined && (call.io.env['MESH_DATA_DIR'] ?? '') !== '';
  const claim = claimDataDir({ dataDir: config.dataDir, name: config.name, home: call.io.home, isFromVariable });
  const overseer = overseerOf(call.io.env, systemClock, call.remark);
  overseer.claimed(config.dataDir);
  try {
    const log = await call.doors.createLog({
      node: config.name,
      level: config.logLevel,
      file: claim.logFile,
      stderr: true,
      colour: call.paintError.isColorSupported,
    });
    let end: NodeEnd;
    try {
      end = await runUntilStopped(call, config, claim, log, overseer);
    } finally {
      await log.close();
    }
    // Last, below the lines of the log, where whoever started it looks first.
    if (end.why !== undefined) call.remark(`${end.why}; see \`${claim.logFile}\``);
    return end.exitCode;
  } finally {
    await overseer.close();
    claim.release();
  }
}

async function runUntilStopped(call: Call, config: Config, claim: DataDirClaim, log: NodeLog, overseer: Overseer): Promise<NodeEnd> {
  const stop = watchForStop(call.io);
  const leave = AbortSignal.any([stop.signal, overseer.lost]);
  try {
    const node = await call.doors.startNode({ config, log, version: readVersion(), signal: leave });
    if (leave.aborted) {
      node.stop();
      return await node.done;
    }
    leave.addEventListener('abort', () => {
      overseer.stopping();
      node.stop();
    });
    if (claim.announce(node) === 'unregistered') log.log('warn', 'not-registered', { todo: 'name the data directory with --data-dir' });
    const { name, gossipAddress, grpcAddress, adminSocket } = node;
    call.answerOne(
      { name, pid: process.pid, gossipAddress, grpcAddress, adminSocket, dataDir: config.dataDir },
      () => `READY ${name} gossip=${gossipAddress} grpc=${grpcAddress} admin=${adminSocket}`,
    );
    overseer.ready(`${name} gossip=${gossipAddress} grpc=${grpcAddress}`);
    return await node.done;
  } finally {
    stop.forget();
  }
}

function optionOf(key: ConfigKey): OptionSpec {
  const { placeholder, summary, default: standard } = CONFIG_KEYS[key];
  return {
    flags: `${flagOf(key)} <${placeholder}>`,
    summary: `${summary} (default: ${standard}, env: ${variableOf(key)})`,
    isRepeatable: key === 'join' || key === 'discover' || key === 'tag',
  };
}

function sourcesOf({ io, options }: Call): ConfigSources {
  const flags: ConfigSources['flags'] = Object.fromEntries(KEYS.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]));
  const path = options['config'];
  return {
    flags,
    env: io.env,
    file: typeof path === 'string' ? { path, text: readConfigText(path) } : undefined,
    hostName: io.hostName,
    home: io.home,
    isOwnProcess: true,
  };
}

function readConfigText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new MeshError('BAD_CONFIG', `cannot read ${path}: ${systemErrorMeaning(error) ?? String(error)}`, {
      given: path,
      expected: 'a YAML file',
      cause: error,
    });
  }
}
