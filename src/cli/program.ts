/** The table of commands as commander reads it. */
import { Command, Help, Option, type CommanderError } from 'commander';
import { MeshError } from '../errors.ts';
import { nearestWord } from '../nearest-word.ts';
import type { CliIo, CommandSpec, OptionSpec } from './command.ts';
import { GROUPS } from './commands.ts';
import type { Elsewhere } from './elsewhere.ts';
import { readVersion } from './version.ts';

/** Every command takes these. */
const COMMON_OPTIONS: readonly OptionSpec[] = [
  { flags: '--data-dir <path>', summary: "the node's data directory (default: that of the only node running here, env: MESH_DATA_DIR)" },
  { flags: '--json', summary: 'print JSON, for scripts; errors too' },
];

/** Before any command, and behind those that have no --node of their own. */
const REMOTE_OPTIONS: readonly OptionSpec[] = [
  { flags: '--node <address>', summary: 'ask a node elsewhere, over TLS: [name=]host[:port] of its gRPC listener' },
  { flags: '--as <admin>', summary: 'with --node: who asks (default: the only admin who has joined here, env: MESH_ADMIN)' },
];

export type RunCommand = (spec: CommandSpec, operands: readonly string[], options: Record<string, unknown>, elsewhere: Elsewhere) => Promise<void>;

/** Help and version go to standard output; every fault is thrown: MeshError BAD_ARGUMENT, or HelpShown. */
export function buildProgram(io: CliIo, commands: readonly CommandSpec[], run: RunCommand): Command {
  const program = prepare(new Command('mesh'))
    .description('Run a node of a mesh, and look into it.')
    .version(readVersion(), '--version', 'print the version of mesh')
    // What stands behind a command is that command's: `mesh query --node` means another thing.
    .enablePositionalOptions()
    .addOption(new Option('--json').hideHelp())
    .configureHelp({ subcommandTerm })
    .addHelpText('after', '\n`mesh <command> --help` shows its options and an example.')
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // Faults are thrown, and told by whoever catches them.
      outputError: () => undefined,
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
    });
  for (const option of REMOTE_OPTIONS) program.addOption(asOption(option));
  for (const spec of commands) addCommand(program, commands, spec, run);
  finishGroup(program, commands);
  return program;
}

/** Without `[options]` where there are none to be seen. */
function subcommandTerm(command: Command): string {
  const term = new Help().subcommandTerm(command);
  return command.options.every(({ hidden }) => hidden) ? term.replace(' [options]', '') : term;
}

/** Help was printed instead of running anything. */
export class HelpShown extends Error {
  readonly wasAsked: boolean;

  constructor(wasAsked: boolean) {
    super('help was shown');
    this.wasAsked = wasAsked;
  }
}

function addCommand(program: Command, commands: readonly CommandSpec[], spec: CommandSpec, run: RunCommand): void {
  const words = spec.words.split(' ');
  const name = words.pop()!;
  const parent = words.reduce((group, _word, at) => groupOf(group, words.slice(0, at + 1), commands), program);
  const command = prepare(parent.command(name))
    .summary(spec.summary)
    .description(`${capitalised(spec.summary)}.`)
    .addHelpText('after', `\nExample:\n  $ ${spec.example}`);
  if (spec.operands !== undefined) command.arguments(spec.operands);
  const own = spec.options ?? [];
  const isOwn = (flag: OptionSpec): boolean => own.some((option) => longOf(option) === longOf(flag));
  const common = COMMON_OPTIONS.filter((option) => !isOwn(option));
  const remote = own.some((option) => longOf(option) === '--node') ? [] : REMOTE_OPTIONS;
  for (const option of [...own, ...common]) command.addOption(asOption(option));
  for (const option of remote) command.addOption(asOption(option).hideHelp(spec.isLocal === true));
  // What stands where a subcommand could, and is none, is told as such by the action below.
  command.allowExcessArguments(spec.operands === undefined);
  command.action(async () => {
    const [excess] = spec.operands === undefined ? command.args : [];
    if (excess !== undefined) throw unexpectedWord(command, excess, commands);
    const [before, behind] = [program.opts<Partial<Elsewhere>>(), remote.length === 0 ? {} : command.opts<Partial<Elsewhere>>()];
    await run(spec, command.args, { ...command.optsWithGlobals(), ...command.opts() }, { node: behind.node ?? before.node, as: behind.as ?? before.as });
  });
}

function groupOf(parent: Command, path: readonly string[], commands: readonly CommandSpec[]): Command {
  const name = path.at(-1)!;
  const beginning = path.join(' ');
  const existing = parent.commands.find((command) => command.name() === name);
  if (existing !== undefined) return existing;
  const inGroup = commands.filter(({ words }) => words.startsWith(`${beginning} `)).map(({ words }) => words.slice(beginning.length + 1));
  const summary = `${GROUPS[beginning]}: ${inGroup.join(', ')}`;
  return finishGroup(prepare(parent.command(name)).addOption(new Option('--json').hideHelp()).summary(summary).description(`${capitalised(summary)}.`), commands);
}

/** What is no command by itself shows what may follow; as JSON, where JSON was asked for. */
function finishGroup(group: Command, commands: readonly CommandSpec[]): Command {
  return group
    .allowExcessArguments()
    .action(() => {
      const [word] = group.args;
      if (word !== undefined) throw unexpectedWord(group, word, commands);
      if (group.optsWithGlobals()['json'] !== true) group.help({ error: true });
      const known = group.commands.map((each) => each.name()).join(', ');
      throw new MeshError('BAD_ARGUMENT', `\`${pathOf(group)}\` is not a whole command`, { expected: `one of ${known} behind it`, todo: helpHint(group) });
    });
}

/** Commander would end the process; here its faults become ours. */
function prepare(command: Command): Command {
  return command.exitOverride((error) => {
    if (error.exitCode === 0) throw new HelpShown(true);
    if (error.code === 'commander.help') throw new HelpShown(false);
    throw misuse(command, error);
  });
}

function misuse(command: Command, error: CommanderError): MeshError {
  const [what = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n');
  const meant = /^\(Did you mean (.*)\?\)$/.exec(suggestion)?.[1];
  const given = error.code.startsWith('commander.unknown') ? /'(.*)'/.exec(what)?.[1] : undefined;
  return badArgument(command, what, given, meant);
}

function unexpectedWord(command: Command, word: string, commands: readonly CommandSpec[]): MeshError {
  const known = command.commands.map((each) => each.name());
  if (known.length === 0) return badArgument(command, `unexpected argument '${word}'`, word, undefined);
  // `mesh tail`: the second word of a command, without its first.
  const whole = command.parent === null ? commands.find(({ words }) => words.endsWith(` ${word}`))?.words : undefined;
  return badArgument(command, `unknown command '${word}'`, word, whole ?? nearestWord(word, known));
}

function badArgument(command: Command, what: string, given: string | undefined, meant: string | undefined): MeshError {
  return new MeshError('BAD_ARGUMENT', what, {
    ...(given === undefined ? {} : { given }),
    todo: meant === undefined ? helpHint(command) : `did you mean ${meant}? ${helpHint(command)}`,
  });
}

function helpHint(command: Command): string {
  return `\`${pathOf(command)} --help\` shows what is known`;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function asOption({ flags, summary, isRepeatable }: OptionSpec): Option {
  const option = new Option(flags, summary);
  return isRepeatable ? option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]) : option;
}

function longOf({ flags }: Pick<OptionSpec, 'flags'>): string {
  return flags.split(' ', 1)[0]!;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
