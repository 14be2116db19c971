#!/usr/bin/env node
/** `mesh`: the process around one run of the command line. */
import { once } from 'node:events';
import { homedir, hostname } from 'node:os';
import { isatty } from 'node:tty';
import type { CliIo, Doors, StopSignal } from './command.ts';
import { DONE, FAILED } from './exit-code.ts';
import { MeshError } from '../errors.ts';
import { asksForKeeper, isKept } from '../keeper/kept.ts';
import { systemErrorMeaning } from '../system-error.ts';
import { askerOf } from './asker.ts';
import { processTerminal } from './process-terminal.ts';

const STOP_SIGNALS: readonly StopSignal[] = ['SIGHUP', 'SIGINT', 'SIGTERM'];

const argv = process.argv.slice(2);
if (asksForKeeper(argv) && !isKept(process.env)) process.exit(await keep());
// Not before: a keeper stays small by what it does not load.
const { report, runCli } = await import('./run-cli.ts');
let outlivesReader = false;

const io: CliIo = {
  stdout: process.stdout,
  stderr: process.stderr,
  drained: async (signal) => {
    // Aborted: whoever waits sees that for itself.
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain', { signal }).catch(() => undefined);
  },
  // Not isTTY: on a pipe that is undefined, whatever its type says.
  isTerminal: { stdout: isatty(1), stderr: isatty(2) },
  columns: process.stdout.columns ?? 80,
  env: process.env,
  home: homedir(),
  hostName: hostname(),
  asker: askerOf(process.env, process.pid),
  terminal: processTerminal(() => process.stdin, process.stdout),
  onSignal(heard) {
    for (const signal of STOP_SIGNALS) process.on(signal, heard);
    return () => {
      for (const signal of STOP_SIGNALS) process.off(signal, heard);
    };
  },
  outliveReader: () => void (outlivesReader = true),
  exit: (code) => process.exit(code),
};

const doors: Doors = {
  connectAdmin: async (...parameters) => (await import('../transport/grpc-client.ts')).connectAdmin(...parameters),
  connectRemote: async (...parameters) => (await import('../remote-admin.ts')).connectRemote(...parameters),
  startNode: async (...parameters) => (await import('../node.ts')).startNode(...parameters),
  agentTls: async (...parameters) => (await import('../agent/agent-tls.ts')).agentTls(...parameters),
  runAgent: async (...parameters) => (await import('../agent/agent.ts')).runAgent(...parameters),
  tryDiscovery: async (...parameters) => (await import('../discovery-trial.ts')).tryDiscovery(...parameters),
  joinDomain: async (...parameters) => (await import('../joining.ts')).joinDomain(...parameters),
  createLog: async (...parameters) => (await import('../log.ts')).createLog(...parameters),
};

async function keep(): Promise<number> {
  const [{ keepNode }, { systemClock }, { systemRandom }] = await Promise.all([import('../keeper/keeper.ts'), import('../clock.ts'), import('../random.ts')]);
  return keepNode({ args: [...process.execArgv, ...process.argv.slice(1)], clock: systemClock, random: systemRandom });
}

function reportUncaught(error: unknown): void {
  // A node that runs listens too, and knows which actor to blame.
  if (process.listenerCount('uncaughtException') > 1) return;
  report(error, argv, io);
  process.exit(FAILED);
}

process.on('uncaughtException', reportUncaught);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (outlivesReader) return;
  // `mesh members | head -1`: whoever read has read enough.
  if (error.code === 'EPIPE') process.exit(DONE);
  const meaning = systemErrorMeaning(error) ?? error.message;
  report(new MeshError('OUTPUT_LOST', `cannot write to standard output: ${meaning}`, { cause: error }), argv, io);
  process.exit(FAILED);
});
// Nobody is left to tell. A node goes on: its log has a file too.
process.stderr.on('error', () => undefined);

const exitCode = await runCli(argv, io, doors);
// Pipes may be asynchronous: what was printed goes out first, or fails. A connection that lingers does not keep the process.
process.stdout.write('', () => setImmediate(() => process.exit(exitCode)));
