/** Telemetry through one agent stream, end to end: agent process → node process → bus → operator's tail. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress } from '../src/address.ts';
import { agentTls } from '../src/agent/agent-tls.ts';
import { silentLog } from '../src/log.ts';
import { connectAdmin, dialAgent } from '../src/transport/grpc-client.ts';
import { encodeTelemetryRecord } from '../src/transport/telemetry-codec.ts';

const MESH = new URL('../dist/cli/main.js', import.meta.url).pathname;
const BATCH_RECORDS = 32;
const MEASURE_MS = 4_000;
const WARM_UP_MS = 1_000;
const CATCH_UP_MS = 5_000;

export interface TelemetryOutcome {
  readonly recordsPerS: number;
  /** What an operator's tail of the same agent received. */
  readonly tailedPerS: number;
}

/** One process is this one: agent and operator. The node is a process of its own. */
export async function telemetryPerSecond(isTailed: boolean): Promise<TelemetryOutcome> {
  const home = mkdtempSync(join(tmpdir(), 'mesh-bench-'));
  const flags = ['start', '--name', 'bench', '--gossip-port', '0', '--grpc-port', '0', '--data-dir', join(home, 'bench'), '--log-level', 'error'];
  const child = spawn(process.execPath, [MESH, ...flags], { env: { ...process.env, HOME: home }, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const ready = await new Promise<RegExpExecArray>((resolve, reject) => {
      let said = '';
      child.once('close', (code) => reject(new Error(`the node ended with ${code}`)));
      child.stdout.on('data', (bytes: Buffer) => {
        said += bytes.toString();
        const line = /grpc=(\S+) admin=(\S+)/.exec(said);
        if (line !== null) resolve(line);
      });
    });
    const [, grpc = '', admin = ''] = ready;
    return await measure(grpc, admin, home, isTailed);
  } finally {
    child.removeAllListeners('close');
    child.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  }
}

async function measure(grpc: string, admin: string, home: string, isTailed: boolean): Promise<TelemetryOutcome> {
  const agent = await startFirehose(grpc, home);
  const operator = connectAdmin(admin, 'bench');
  const enough = new AbortController();
  // Those shown are counted of the records that were sent meanwhile, whenever they are shown: the tail lags behind.
  const sent = { before: Infinity, after: Infinity };
  let shown = 0;
  const tail = isTailed
    ? (async () => {
        for await (const { sequence } of operator.tailAgent({ id: 'bench' }, enough.signal)) {
          if (sequence > sent.after) return;
          if (sequence > sent.before) shown++;
        }
      })().catch(() => undefined)
    : Promise.resolve();
  await pause(WARM_UP_MS);
  sent.before = agent.sent();
  const startedAt = performance.now();
  await pause(MEASURE_MS);
  const seconds = (performance.now() - startedAt) / 1_000;
  sent.after = agent.sent();
  await Promise.race([tail, pause(CATCH_UP_MS)]);
  const outcome = { recordsPerS: (sent.after - sent.before) / seconds, tailedPerS: shown / seconds };
  enough.abort();
  agent.close();
  await tail;
  operator.close();
  return outcome;
}

/** An agent that always has something to report, and keeps to its credit: what it has sent, the node has taken. */
async function startFirehose(grpc: string, home: string): Promise<{ sent(): number; close(): void }> {
  const done = new AbortController();
  const tls = await agentTls({ id: 'bench', home, hostName: hostname(), pq: 'prefer', workloadSocket: undefined, log: silentLog, signal: done.signal });
  const stream = dialAgent(parseAddress(grpc, 0), { tls });
  const samples = Array.from({ length: 5 }, (_, index) => ({ name: `bench.figure_${index}`, value: index * 1.5 }));
  const record = encodeTelemetryRecord({ atMs: Date.now(), samples });
  let credit = 0;
  let sent = 0;
  const pump = (): void => {
    while (credit > 0) {
      const count = Math.min(BATCH_RECORDS, credit);
      const records = Array.from({ length: count }, () => record);
      if (stream.send({ telemetry: { firstSequence: sent + 1, records } }) !== 'accepted') break;
      credit -= count;
      sent += count;
    }
  };
  stream.send({ hello: { id: 'bench', program: 'bench', labels: {} } });
  await new Promise<void>((resolve) => {
    stream.onFrame((frame) => {
      if (frame.welcome) resolve();
      credit += frame.welcome?.credit ?? frame.credit?.records ?? 0;
      pump();
    });
  });
  return { sent: () => sent, close: () => stream.close() };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
