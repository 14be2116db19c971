/** One run of `mesh`: arguments in, lines and an exit code out. The only place that catches everything. */
import { findNode } from '../data-dir/data-dir.ts';
import { MeshError } from '../errors.ts';
import type { RemoteNode } from '../transport/admin-channel.ts';
import type { AdminClient } from '../transport/grpc-client.ts';
import type { Call, CliIo, Doors } from './command.ts';
import { commandsFor, firstWordIn } from './commands.ts';
import { reachRemote, remoteOf } from './elsewhere.ts';
import { DONE, exitCodeOf, MISUSED } from './exit-code.ts';
import { errorView, faultOf, formatError, formatStacks } from './format-error.ts';
import { paintFor } from './paint.ts';
import { buildProgram, HelpShown } from './program.ts';
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

function callOf(io: CliIo, doors: Doors, operands: readonly string[], options: Call['options'], remote: RemoteNode | undefined, as: string | undefined): Call {
  const isJson = options['json'] === true;
  const dataDir = options['dataDir'];
  const print = (lines: readonly string[]): void => void (lines.length > 0 && io.stdout.write(`${lines.join('\n')}\n`));
  const find = (): ReturnType<Call['findNode']> =>
    findNode({ dataDir: typeof dataDir === 'string' ? dataDir : undefined, env: io.env, home: io.home });
  const remark = (text: string): void => void (isJson || io.stderr.write(`mesh: ${text}\n`));
  const reach = remote === undefined ? undefined : reachRemote(io, doors, remote, as, remark);
  const connect = async (): Promise<AdminClient> => reach?.() ?? doors.connectAdmin(find().adminSocket, io.asker);
  const using = async <T>(opening: Promise<AdminClient>, use: (admin: AdminClient) => Promise<T>): Promise<T> => {
    const admin = await opening;
    try {
      return await use(admin);
    } finally {
      admin.close();
    }
  };
  const ask: Call['ask'] = (question) => using(connect(), question).catch((error: unknown) => {
    if (reach === undefined) throw error;
    return using(reach(error), question);
  });
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
    ask,
    follow: async (open, each) => {
      const stop = watchForStop(io);
      try {
        return await ask(async (admin) => {
          for await (const item of open(admin, stop.signal)) {
            if (each(item) === 'over') return DONE;
            // What a slow reader leaves would pile up here without limit; the node knows what to leave out.
            await io.drained(stop.signal);
          }
          if (stop.signal.aborted) return DONE;
          throw new MeshError('SESSION_CLOSED', 'the node ended the stream', { todo: 'see with `mesh status` whether it still runs' });
        });
      } catch (error) {
        if (stop.signal.aborted) return DONE;
        throw error;
      } finally {
        stop.forget();
      }
    },
  };
}
