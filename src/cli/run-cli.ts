/** One run of `mesh`: arguments in, lines and an exit code out. The only place that catches everything. */
import { parseAddress } from '../address.ts';
import { GRPC_PORT_DEFAULT } from '../config/default-ports.ts';
import { findNode } from '../data-dir/data-dir.ts';
import { MeshError } from '../errors.ts';
import type { RemoteNode } from '../transport/admin-channel.ts';
import type { AdminClient } from '../transport/grpc-client.ts';
import type { Call, CliIo, CommandSpec, Doors } from './command.ts';
import { commandsFor, firstWordIn } from './commands.ts';
import { DONE, exitCodeOf, MISUSED } from './exit-code.ts';
import { errorView, faultOf, formatError, formatStacks } from './format-error.ts';
import { paintFor } from './paint.ts';
import { buildProgram, HelpShown } from './program.ts';
import type { Elsewhere } from './program.ts';
import { watchForStop } from './stop-signal.ts';

/** @param argv what was typed after `mesh` */
export async function runCli(argv: readonly string[], io: CliIo, doors: Doors): Promise<number> {
  let exitCode = DONE;
  try {
    const program = buildProgram(io, await commandsFor(firstWordIn(argv)), async (spec, operands, options, elsewhere) => {
      exitCode = await spec.run(callOf(io, doors, operands, options as Call['options'], remoteOf(spec, options as Call['options'], elsewhere), elsewhere.as));
    });
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof HelpShown) return error.wasAsked ? DONE : MISUSED;
    report(error, argv, io);
    return exitCodeOf(error);
  }
}

/** Tells an error on standard error, as JSON when --json was typed: it may be what kept the options from being read. */
export function report(error: unknown, argv: readonly string[], io: CliIo): void {
  const fault = faultOf(error);
  const end = argv.indexOf('--');
  const isJson = (end === -1 ? argv : argv.slice(0, end)).includes('--json');
  const lines = isJson ? [JSON.stringify(errorView(fault))] : formatError(fault, paintFor(io.isTerminal.stderr, io.env));
  if (io.env['MESH_DEBUG'] === '1') lines.push(...formatStacks(error));
  io.stderr.write(`${lines.join('\n')}\n`);
}

/** @throws MeshError BAD_ARGUMENT, BAD_ADDRESS */
function remoteOf({ words, isLocal }: CommandSpec, options: Call['options'], { node, as }: Elsewhere): RemoteNode | undefined {
  if (node === undefined) {
    if (as === undefined) return undefined;
    throw new MeshError('BAD_ARGUMENT', '--as is for a node elsewhere', { given: as, todo: 'name it with --node, or leave --as out' });
  }
  if (isLocal === true) throw new MeshError('BAD_ARGUMENT', `\`mesh ${words}\` is about this machine, and asks no node elsewhere`, { given: node, todo: 'run it on the machine that it is about' });
  if (options['dataDir'] !== undefined) throw new MeshError('BAD_ARGUMENT', '--node names a node elsewhere, and --data-dir one here', { given: node, todo: 'leave one of them out' });
  const at = node.indexOf('=');
  return { name: at === -1 ? undefined : node.slice(0, at), address: parseAddress(node.slice(at + 1), GRPC_PORT_DEFAULT) };
}

function callOf(io: CliIo, doors: Doors, operands: readonly string[], options: Call['options'], remote: RemoteNode | undefined, as: string | undefined): Call {
  const isJson = options['json'] === true;
  const dataDir = options['dataDir'];
  const print = (lines: readonly string[]): void => void (lines.length > 0 && io.stdout.write(`${lines.join('\n')}\n`));
  const find = (): ReturnType<Call['findNode']> =>
    findNode({ dataDir: typeof dataDir === 'string' ? dataDir : undefined, env: io.env, home: io.home });
  const remark = (text: string): void => void (isJson || io.stderr.write(`mesh: ${text}\n`));
  const reached = new Set<string>();
  const tellOnce = (text: string): void => {
    if (!reached.has(text)) remark(text);
    reached.add(text);
  };
  const connect = (): Promise<AdminClient> => {
    if (remote === undefined) return doors.connectAdmin(find().adminSocket, io.asker);
    const variable = io.env['MESH_ADMIN'];
    return doors.connectRemote({ node: remote, admin: as ?? (variable === '' ? undefined : variable), home: io.home, user: io.asker.replace(/ \(pid \d+\)$/, ''), remark: tellOnce });
  };
  return {
    io,
    doors,
    remote,
    connect,
    operands,
    options,
    paint: paintFor(io.isTerminal.stdout, io.env),
    width: io.isTerminal.stdout ? io.columns : undefined,
    paintError: paintFor(io.isTerminal.stderr, io.env),
    answer: (view, lines) => print(isJson ? [JSON.stringify(view, undefined, 2)] : lines()),
    answerOne: (view, line) => print([isJson ? JSON.stringify(view) : line()]),
    remark,
    findNode: find,
    ask: async (question) => {
      const admin = await connect();
      try {
        return await question(admin);
      } finally {
        admin.close();
      }
    },
    follow: async (open, each) => {
      const admin = await connect();
      const stop = watchForStop(io);
      try {
        for await (const item of open(admin, stop.signal)) {
          if (each(item) === 'over') return DONE;
          // What a slow reader leaves would pile up here without limit; the node knows what to leave out.
          await io.drained(stop.signal);
        }
        if (stop.signal.aborted) return DONE;
        throw new MeshError('SESSION_CLOSED', 'the node ended the stream', { todo: 'see with `mesh status` whether it still runs' });
      } catch (error) {
        if (stop.signal.aborted) return DONE;
        throw error;
      } finally {
        stop.forget();
        admin.close();
      }
    },
  };
}
