/** `mesh …` in this process. As one of its own it costs a third of a second of CPU, and who waits for something asks again and again. */
import { askerOf } from '../../src/cli/asker.ts';
import type { CliIo, Doors } from '../../src/cli/command.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { connectRemote } from '../../src/remote-admin.ts';
import { connectAdmin } from '../../src/transport/grpc-client.ts';
import type { Finished } from './mesh-process.ts';

/** For questions to a node: a command that would be a node or an agent, or that follows something, needs a process of its own. */
export async function commandHere(home: string, args: readonly string[]): Promise<Finished> {
  const said = { stdout: '', stderr: '' };
  const io: CliIo = {
    stdout: { write: (text) => void (said.stdout += text) },
    stderr: { write: (text) => void (said.stderr += text) },
    drained: () => Promise.resolve(),
    isTerminal: { stdout: false, stderr: false },
    columns: 80,
    env: { NO_COLOR: '1' },
    home,
    hostName: 'here',
    asker: askerOf({}, process.pid),
    terminal: undefined,
    onSignal: () => () => undefined,
    outliveReader: () => undefined,
    exit: needsProcess,
  };
  return { code: await runCli(args, io, DOORS), ...said };
}

const DOORS: Doors = {
  connectAdmin: (...parameters) => Promise.resolve(connectAdmin(...parameters)),
  connectRemote,
  startNode: needsProcess,
  agentTls: needsProcess,
  runAgent: needsProcess,
  tryDiscovery: needsProcess,
  joinDomain: needsProcess,
  createLog: needsProcess,
};

function needsProcess(): never {
  throw new Error('this command needs a process of its own');
}
