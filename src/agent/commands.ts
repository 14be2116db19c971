/** The commands this agent answers. Pure: what they tell of is handed in. */
import { nearestWord } from '../nearest-word.ts';

export interface Sample {
  readonly name: string;
  readonly value: number;
}

/** What an agent knows of itself and its host at the time of a command. */
export interface AgentFacts {
  readonly id: string;
  readonly program: string;
  /** ISO 8601. */
  readonly time: string;
  readonly hostName: string;
  /** Operating system, its release and the processor's architecture. */
  readonly platform: string;
  readonly uptimeMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The latest reading. */
  readonly samples: readonly Sample[];
}

export interface CommandAnswer {
  readonly ok: boolean;
  readonly output: string;
}

interface Command {
  readonly summary: string;
  readonly run: (facts: AgentFacts, args: readonly string[]) => string;
}

/** Source: agent.proto, CommandResult. */
const OUTPUT_BYTES_MAX = 64 * 1024;
const CUT = '\n(cut: an answer holds 64 KiB)';

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['ping', { summary: 'answer pong, with this agent’s id and its clock', run: ({ id, time }) => `pong from ${id} at ${time}` }],
  ['echo', { summary: 'answer the arguments', run: (_facts, args) => args.join(' ') }],
  ['info', { summary: 'tell of the program and its host', run: info }],
  ['metrics', { summary: 'tell the latest figures', run: ({ samples }) => table(samples.map(({ name, value }) => [name, figure(value)])) }],
  ['help', { summary: 'list the commands', run: () => table([...COMMANDS].map(([name, { summary }]) => [name, summary])) }],
]);

export function answerCommand(name: string, args: readonly string[], facts: AgentFacts): CommandAnswer {
  const command = COMMANDS.get(name);
  if (command !== undefined) return { ok: true, output: bounded(command.run(facts, args)) };
  const known = [...COMMANDS.keys()];
  const nearest = nearestWord(name, known);
  const hint = nearest === undefined ? `it knows ${known.join(', ')}` : `did you mean ${nearest}?`;
  return { ok: false, output: bounded(`this agent has no command "${name}": ${hint}`) };
}

function info({ id, program, hostName, platform, uptimeMs, labels }: AgentFacts): string {
  return table([
    ['id', id],
    ['program', program],
    ['host', hostName],
    ['platform', platform],
    ['uptime', `${Math.floor(uptimeMs / 1_000)} s`],
    ...Object.entries(labels).map(([name, value]): [string, string] => [`label ${name}`, value]),
  ]);
}

function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(0, ...rows.map(([first = '']) => first.length));
  return rows.map(([first = '', second = '']) => `${first.padEnd(width)}  ${second}`).join('\n');
}

function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}

function bounded(output: string): string {
  if (Buffer.byteLength(output) <= OUTPUT_BYTES_MAX) return output;
  const room = OUTPUT_BYTES_MAX - Buffer.byteLength(CUT);
  const { written } = new TextEncoder().encodeInto(output, new Uint8Array(room));
  return Buffer.from(output).subarray(0, written).toString() + CUT;
}
