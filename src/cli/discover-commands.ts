/** Commands about finding other nodes. They ask the source, and no node. */
import { CONFIG_KEYS } from '../config/config.ts';
import { parseDiscoverSpec } from '../config/discover-spec.ts';
import { MeshError } from '../errors.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE, FAILED } from './exit-code.ts';
import { formatTrial, trialView } from './format-discovery.ts';
import { span, wholeNumber } from './option-value.ts';
import { watchForStop } from './stop-signal.ts';

const FOR_DEFAULT = '3s';
const FOR_MIN_MS = 100;
/** Whoever needs longer starts a node. */
const FOR_MAX_MS = 60_000;

export const DISCOVER_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'discover test',
    isLocal: true,
    operands: '<spec>',
    summary: 'look where a spec of --discover says, and print what is there, and why each was taken or refused; exit code 1 when none was taken',
    options: [
      { flags: '--for <time>', summary: `look for at most this long (default: ${FOR_DEFAULT})` },
      { flags: '--bind <ip>', summary: `judge for a node at this address (default: ${CONFIG_KEYS.bind.default})` },
      { flags: '--gossip-port <port>', summary: `and this port (default: ${CONFIG_KEYS.gossipPort.default})` },
    ],
    example: 'mesh discover test "static peers=127.0.0.2,127.0.0.3:7000"',
    run: testDiscovery,
  },
];

async function testDiscovery(call: Call): Promise<number> {
  const { io, doors, operands, options, answer, paint, width, remark } = call;
  const spec = parseDiscoverSpec(operands[0]!);
  const forMs = span('--for', String(options['for'] ?? FOR_DEFAULT), FOR_MIN_MS, FOR_MAX_MS);
  const self = { host: bindOf(options), port: wholeNumber('--gossip-port', String(options['gossipPort'] ?? CONFIG_KEYS.gossipPort.default), 1, 65_535) };
  const stop = watchForStop(io);
  try {
    const trial = await doors.tryDiscovery({ spec, self, forMs, home: io.home, env: io.env, signal: stop.signal });
    answer(trialView(spec, trial), () => formatTrial(trial, paint, width));
    const taken = trial.verdicts.filter(({ isTaken }) => isTaken).length;
    if (trial.trouble !== undefined) remark(trial.trouble);
    remark(taken === 0 ? 'no node to join was found' : `${taken} of ${trial.verdicts.length} would be joined`);
    return taken === 0 ? FAILED : DONE;
  } finally {
    stop.forget();
  }
}

function bindOf(options: Call['options']): string {
  const bind = String(options['bind'] ?? CONFIG_KEYS.bind.default);
  if (CONFIG_KEYS.bind.schema.safeParse(bind).success) return bind;
  throw new MeshError('BAD_ADDRESS', `--bind is "${bind}"`, { given: bind, expected: CONFIG_KEYS.bind.expected });
}
