/** `mesh agent`: this host as an agent, until it is told to stop. */
import { parseAddress, type Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import { CONFIG_KEYS, nameFromHost } from '../config/config.ts';
import { GRPC_PORT_DEFAULT } from '../config/default-ports.ts';
import { agentTrustDir } from '../config/home-path.ts';
import { endpointPath } from '../config/trust-keys.ts';
import { MeshError } from '../errors.ts';
import { systemRandom } from '../random.ts';
import { keyPin } from '../trust/bundle.ts';
import { TRUST_PORT_DEFAULT } from '../trust/fabric-file.ts';
import { readIdentity } from '../trust/identity-files.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { parseToken, type Token } from '../trust/token.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { choice, labels, wholeNumber } from './option-value.ts';
import { watchForStop } from './stop-signal.ts';
import { readVersion } from './version.ts';

const INTERVAL_DEFAULT_MS = 1_000;
/** Reading the host's figures takes tens of milliseconds. */
const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 3_600_000;

export const REFERENCE_AGENT_COMMAND: CommandSpec = {
  words: 'agent',
  isLocal: true,
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
    { flags: '--token <token>', summary: 'join with this first, unless it has been done; the id is that of the token then' },
    {
      flags: '--seed <host[:port]>',
      summary: `where the token was made: the trust port of that node (default: the hosts of --node, port ${TRUST_PORT_DEFAULT}); may be repeated`,
      isRepeatable: true,
    },
    { flags: '--workload-socket <unix:///path>', summary: "take the identity from this SPIFFE Workload API, such as that of SPIRE's agent or of a node beside it (`mesh workload add agent/<id>`)" },
    { flags: '--interval <ms>', summary: `time between two readings (default: ${INTERVAL_DEFAULT_MS})` },
    { flags: '--pq <choice>', summary: `post-quantum key exchange with nodes, as of \`mesh start\`: ${CONFIG_KEYS.pq.choices.join(', ')} (default: ${CONFIG_KEYS.pq.default})` },
    { flags: '--label <key=value>', summary: 'tell the node something about this agent; may be repeated', isRepeatable: true },
  ],
  example: 'mesh agent --id a1 --node 127.0.0.1 --node 127.0.0.2 --label rack=r1',
  run: async (call) => {
    const { io, doors, options } = call;
    const token = typeof options['token'] === 'string' ? parseToken(options['token'].trim()) : undefined;
    const id = idOf(call, token);
    const intervalMs =
      options['interval'] === undefined
        ? INTERVAL_DEFAULT_MS
        : wholeNumber('--interval', String(options['interval']), INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    const told = { id, nodes: nodesOf(call), intervalMs, labels: labels('--label', listOf(options['label'])), version: readVersion() };
    const pq = choice('--pq', String(options['pq'] ?? CONFIG_KEYS.pq.default), CONFIG_KEYS.pq.choices);
    const workloadSocket = socketOf(call, token);
    if (token !== undefined) await joinOnce(call, token, told.nodes);
    const log = await doors.createLog({ node: id, level: 'info', stderr: true, colour: call.paintError.isColorSupported });
    const stop = watchForStop(io);
    try {
      const tls = await doors.agentTls({ id, home: io.home, hostName: io.hostName, pq, workloadSocket, log, signal: stop.signal });
      await doors.runAgent({ ...told, tls, log, clock: systemClock, random: systemRandom, signal: stop.signal });
      return DONE;
    } finally {
      stop.forget();
      await log.close();
    }
  },
};

function idOf({ io, options }: Call, token: Token | undefined): string {
  const id = typeof options['id'] === 'string' ? options['id'] : (token?.id.name ?? nameFromHost(io.hostName));
  if (token === undefined || (token.id.kind === 'agent' && token.id.name === id)) return id;
  const given = formatSpiffeId(token.id);
  throw new MeshError('BAD_ARGUMENT', `the token is for ${given}, and this would be the agent ${id}`, { given, expected: `a token for the agent ${id}`, todo: `make one with \`mesh token create --agent ${id}\`` });
}

function socketOf({ options: { workloadSocket: given } }: Call, token: Token | undefined): string | undefined {
  if (typeof given !== 'string') return undefined;
  if (token !== undefined) throw new MeshError('BAD_ARGUMENT', 'an identity comes by a token or from a Workload API', { given, expected: '--token or --workload-socket' });
  const path = endpointPath(given);
  if (path !== undefined) return path;
  throw new MeshError('BAD_ARGUMENT', `--workload-socket is "${given}"`, { given, expected: CONFIG_KEYS.workloadSocket.expected });
}

/** A unit file says the same at each start, and a token is used once. */
async function joinOnce({ io, doors, options }: Call, token: Token, nodes: readonly Address[]): Promise<void> {
  const trustDir = agentTrustDir(io.home, token.id.name);
  const kept = readIdentity(trustDir);
  if (kept !== undefined && kept.svid.notAfterMs > Date.now() && kept.bundle.authorities.some((authority) => keyPin(authority) === token.pin)) return;
  const seeds = listOf(options['seed']).flatMap((text) => text.split(',')).map((text) => parseAddress(text, TRUST_PORT_DEFAULT));
  const fabric = seeds.length > 0 ? seeds : nodes.map(({ host }) => ({ host, port: TRUST_PORT_DEFAULT }));
  await doors.joinDomain({ token, fabric: fabric as [Address, ...Address[]], trustDir, dataDir: undefined });
}

function nodesOf({ options, findNode }: Call): Address[] {
  const named = listOf(options['node']);
  const texts = named.length === 0 ? [findNode().grpcAddress] : named.flatMap((text) => text.split(','));
  return texts.map((text) => parseAddress(text, GRPC_PORT_DEFAULT));
}

function listOf(option: Call['options'][string]): readonly string[] {
  return Array.isArray(option) ? option : [];
}
