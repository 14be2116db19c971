/** What a command is, and what it is given. */
import type { FoundNode } from '../data-dir/data-dir.ts';
import type { runAgent } from '../agent/agent.ts';
import type { agentTls } from '../agent/agent-tls.ts';
import type { tryDiscovery } from '../discovery-trial.ts';
import type { joinDomain } from '../joining.ts';
import type { createLog, NodeLog } from '../log.ts';
import type { startNode } from '../node.ts';
import type { connectRemote } from '../remote-admin.ts';
import type { RemoteNode } from '../transport/admin-channel.ts';
import type { AdminClient, connectAdmin } from '../transport/grpc-client.ts';
import type { Paint } from './paint.ts';

/** The process around a command: the real one in main.ts, a made-up one in tests. */
export interface CliIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Resolves when standard output takes more, or once the signal is aborted. */
  drained(signal: AbortSignal): Promise<void>;
  /** Whether a person reads standard output, standard error. */
  readonly isTerminal: { readonly stdout: boolean; readonly stderr: boolean };
  /** Width of the terminal in characters. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly hostName: string;
  /** Who runs this, for a node's trail: user and process. */
  readonly asker: string;
  /** Undefined when standard output is none. */
  readonly terminal: Terminal | undefined;
  /** `heard` runs for each SIGHUP, SIGINT and SIGTERM, instead of what they do otherwise, until the returned function is called. */
  onSignal(heard: (signal: StopSignal) => void): () => void;
  /** From now on the process goes on when nobody reads its standard output any more. */
  outliveReader(): void;
  /** Ends the process now. */
  exit(code: number): void;
}

/** The whole screen, and the keyboard where standard input is one. */
export interface Terminal {
  size(): { readonly columns: number; readonly rows: number };
  /** Keys are heard as they are typed, unseen, until the returned function is called or the process ends. */
  onInput(heard: (typed: string) => void): () => void;
  onResize(heard: () => void): () => void;
  write(text: string): void;
  /** `leave` is written when the returned function is called, or when the process ends before. */
  enter(enter: string, leave: string): () => void;
}

export type StopSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

/** The rooms behind the commands. Loaded when first asked for, so that `mesh --version` need not wait for gRPC. */
export interface Doors {
  connectAdmin(...parameters: Parameters<typeof connectAdmin>): Promise<AdminClient>;
  connectRemote: typeof connectRemote;
  startNode: typeof startNode;
  agentTls: typeof agentTls;
  runAgent: typeof runAgent;
  tryDiscovery: typeof tryDiscovery;
  joinDomain: typeof joinDomain;
  createLog(...parameters: Parameters<typeof createLog>): Promise<NodeLog>;
}

export interface OptionSpec {
  /** As commander reads them: `--limit <n>`. */
  readonly flags: string;
  readonly summary: string;
  /** Each use adds to a list. */
  readonly isRepeatable?: boolean;
}

export interface CommandSpec {
  /** As typed after `mesh`: `registry put`. */
  readonly words: string;
  /** As commander reads them: `<key> [prefix] [rest...]`. */
  readonly operands?: string;
  readonly summary: string;
  readonly options?: readonly OptionSpec[];
  /** What it does concerns this machine alone: no other node can be asked for it with --node. */
  readonly isLocal?: true;
  /** One line that works as typed. */
  readonly example: string;
  /** @returns the exit code */
  readonly run: (call: Call) => Promise<number>;
}

/** One use of a command. */
export interface Call {
  readonly io: CliIo;
  readonly doors: Doors;
  /** In the order of the command's operands, those of the last one flat. */
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
  /** For standard output. */
  readonly paint: Paint;
  /** In characters, of the terminal that standard output is; undefined when it is none. */
  readonly width: number | undefined;
  /** For standard error. */
  readonly paintError: Paint;
  /** The answer on standard output: `view` with --json, else `lines`. */
  answer(view: unknown, lines: () => readonly string[]): void;
  /** As `answer`, one line of a stream. */
  answerOne(view: unknown, line: () => string): void;
  /** A remark for people on standard error. With --json there are none. */
  remark(text: string): void;
  /** The node elsewhere that --node names; undefined: one on this machine is asked. */
  readonly remote: RemoteNode | undefined;
  /** The node on this machine that --data-dir and the environment choose. */
  findNode(): FoundNode;
  /** For questions to the node, wherever it is; to be closed. */
  connect(): Promise<AdminClient>;
  /** Asks that node. */
  ask<T>(question: (admin: AdminClient) => Promise<T>): Promise<T>;
  /** Follows a stream of that node until a signal or the node ends it, or `each` says that it is over. @returns the exit code */
  follow<T>(open: (admin: AdminClient, signal: AbortSignal) => AsyncIterable<T>, each: (item: T) => 'over' | undefined | void): Promise<number>;
}
