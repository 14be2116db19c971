/** `mesh agent`: this host as an agent, until it is told to stop. */
import { parseAddress, type Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import { GRPC_PORT_DEFAULT, nameFromHost } from '../config/config.ts';
import { systemRandom } from '../random.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { labels, wholeNumber } from './option-value.ts';
import { watchForStop } from './stop-signal.ts';
import { readVersion } from './version.ts';

const INTERVAL_DEFAULT_MS = 1_000;
/** Reading the host's figures takes tens of milliseconds. */
const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 3_600_000;

export const REFERENCE_AGENT_COMMAND: CommandSpec = {
  words: 'agent',
  summary: "stream this host's CPU, memory, load, disk and network figures to a node, and answer commands",
  options: [
    { flags: '--id <id>', summary: 'id of this agent, unique in the mesh (default: the host name)' },
    {
      flags: '--node <host[:port]>',
      summary:
        'node to connect to; it tells the agent of the others, and the agent moves to one of them when its node is gone; ' +
        `may be repeated, for when the first does not answer (default: the node that runs here; port ${GRPC_PORT_DEFAULT})`,
      isRepeatable: true,
    },
    { flags: '--interval <ms>', summary: `time between two readings (default: ${INTERVAL_DEFAULT_MS})` },
    { flags: '--label <key=value>', summary: 'tell the node something about this agent; may be repeated', isRepeatable: true },
  ],
  example: 'mesh agent --id a1 --node 127.0.0.1 --node 127.0.0.2 --label rack=r1',
  run: async (call) => {
    const { io, doors, options } = call;
    const id = typeof options['id'] === 'string' ? options['id'] : nameFromHost(io.hostName);
    const intervalMs =
      options['interval'] === undefined
        ? INTERVAL_DEFAULT_MS
        : wholeNumber('--interval', String(options['interval']), INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    const told = { id, nodes: nodesOf(call), intervalMs, labels: labels('--label', listOf(options['label'])), version: readVersion() };
    const log = await doors.createLog({ node: id, level: 'info', stderr: true, colour: call.paintError.isColorSupported });
    const stop = watchForStop(io);
    try {
      const tls = await doors.agentTls({ id, home: io.home, hostName: io.hostName, log, signal: stop.signal });
      await doors.runAgent({ ...told, tls, log, clock: systemClock, random: systemRandom, signal: stop.signal });
      return DONE;
    } finally {
      stop.forget();
      await log.close();
    }
  },
};

function nodesOf({ options, findNode }: Call): Address[] {
  const named = listOf(options['node']);
  const texts = named.length === 0 ? [findNode().grpcAddress] : named.flatMap((text) => text.split(','));
  return texts.map((text) => parseAddress(text, GRPC_PORT_DEFAULT));
}

function listOf(option: Call['options'][string]): readonly string[] {
  return Array.isArray(option) ? option : [];
}
