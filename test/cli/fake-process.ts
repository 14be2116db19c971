/** A process for `runCli` to run in, and a node for it to ask. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliIo, Doors, StopSignal, Terminal } from '../../src/cli/command.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { registrationDir } from '../../src/config/home-path.ts';
import { thisProcess } from '../../src/data-dir/lock-file.ts';
import { silentLog } from '../../src/log.ts';
import type { AdminClient } from '../../src/transport/grpc-client.ts';
import type { MeshTls } from '../../src/transport/tls.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class FakeProcess {
  readonly home = mkdtempSync(join(tmpdir(), 'mesh-cli-'));
  readonly env: Record<string, string> = {};
  readonly isTerminal = { stdout: false, stderr: false };
  /** Codes with which the process was ended at once. */
  readonly exits: number[] = [];
  /** How often an admin client was closed. */
  closed = 0;
  doors: Partial<Doors> = {};
  terminal: Terminal | undefined;
  /** When standard output takes more. */
  drained: Promise<void> = Promise.resolve();
  stdout = '';
  stderr = '';
  readonly #signalled = new Set<(signal: StopSignal) => void>();
  #onStdout: ((text: string) => void) | undefined;

  async mesh(...argv: string[]): Promise<Outcome> {
    this.stdout = '';
    this.stderr = '';
    const exitCode = await runCli(argv, this.#io(), { ...this.#closedDoors(), ...this.doors });
    return { exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  /** As if a node ran here, whose admin service answers so. */
  answerAsNode(admin: Partial<AdminClient>): void {
    this.registerNode('/d/admin.sock');
    this.doors.connectAdmin = () => Promise.resolve({ ...admin, close: () => void this.closed++ } as AdminClient);
  }

  registerNode(adminSocket: string, dataDir = '/d'): void {
    mkdirSync(registrationDir(this.home), { recursive: true });
    const node = {
      ...thisProcess(),
      name: 'a',
      dataDir,
      gossipAddress: '127.0.0.1:7946',
      grpcAddress: '127.0.0.1:7000',
      adminSocket,
    };
    writeFileSync(join(registrationDir(this.home), `${process.pid}.json`), JSON.stringify(node));
  }

  signal(signal: StopSignal): void {
    for (const heard of this.#signalled) heard(signal);
  }

  /** Resolves with the next text on standard output. */
  nextStdout(): Promise<string> {
    return new Promise((resolve) => (this.#onStdout = resolve));
  }

  /** Resolves when a command that was begun has come so far. */
  async listensForSignals(): Promise<void> {
    while (!this.isListeningForSignals) await new Promise((resolve) => setImmediate(resolve));
  }

  get isListeningForSignals(): boolean {
    return this.#signalled.size > 0;
  }

  remove(): void {
    rmSync(this.home, { recursive: true });
  }

  #io(): CliIo {
    return {
      stdout: {
        write: (text) => {
          this.stdout += text;
          this.#onStdout?.(text);
        },
      },
      stderr: { write: (text) => void (this.stderr += text) },
      drained: () => this.drained,
      isTerminal: this.isTerminal,
      columns: 80,
      env: this.env,
      home: this.home,
      hostName: 'box',
      asker: 'ada (pid 7)',
      terminal: this.terminal,
      onSignal: (heard) => {
        this.#signalled.add(heard);
        return () => this.#signalled.delete(heard);
      },
      outliveReader: () => undefined,
      exit: (code) => void this.exits.push(code),
    };
  }

  #closedDoors(): Doors {
    const closed = (): never => {
      throw new Error('this test opens no such door');
    };
    return { connectAdmin: closed, connectRemote: closed, startNode: closed, agentTls: () => Promise.resolve(NO_TLS), runAgent: closed, tryDiscovery: closed, joinDomain: closed, createLog: () => Promise.resolve(silentLog) };
  }
}
/** These tests meet nobody. */
const NO_TLS = {} as MeshTls;

