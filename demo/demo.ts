/**
 * The main job in under a minute: three nodes and six agents come up, an actor is killed and comes back, a node is killed
 * and its agents move, all ends clean. Everything is real: processes, sockets, telemetry of this machine.
 */
import type { Ora } from 'ora';
import { DemoMesh } from './demo-mesh.ts';
import type { StartedNode } from '../test/support/mesh-process.ts';

// Read when the library is loaded: colours are for terminals.
if (!process.stderr.isTTY) process.env['NO_COLOR'] = '1';
const { default: ora } = await import('ora');

const AGENTS = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];

const mesh = new DemoMesh();
const startedAt = performance.now();
let spinner: Ora | undefined;
let isLeaving = false;

/** One line of progress: what is being waited for, then what was seen and after how long. */
async function step<T>(what: string, work: () => Promise<T>, seen: (result: T) => string): Promise<T> {
  const since = performance.now();
  spinner = ora({ text: what, discardStdin: false }).start();
  const result = await work();
  spinner.succeed(`${what}: ${seen(result)} (${((performance.now() - since) / 1_000).toFixed(1)} s)`);
  return result;
}

async function show(node: StartedNode, ...words: string[]): Promise<void> {
  process.stdout.write(`\n$ mesh ${words.join(' ')}\n${(await mesh.ask(node, ...words)).stdout}\n`);
}

async function run(): Promise<void> {
  const [n1, n2, n3] = await step('start three nodes', () => mesh.startNodes(['n1', 'n2', 'n3']), (nodes) => nodes.map(({ name, gossip }) => `${name} on ${gossip}`).join(', '));
  if (n1 === undefined || n2 === undefined || n3 === undefined) throw new Error('three nodes were started');
  await step('wait until each sees all', () => mesh.allSee(['n1', 'n2', 'n3'], 'alive'), () => 'all alive on all three');
  await step('start six agents, two on each node', () => mesh.startAgents(AGENTS), (agents) => agents.map(({ id, node }) => `${id}→${node}`).join(' '));
  await show(n1, 'members');
  await show(n2, 'agents');
  await show(n1, 'tree');

  await step('put a key on n1, read it on n3', () => mesh.putAndRead(n1, n3, 'greeting', 'hello, mesh'), (value) => JSON.stringify(value));
  await step('command a1 from n3', () => mesh.ask(n3, 'command', 'send', 'a1', 'ping'), ({ stdout }) => stdout.trim());

  await step('kill the actor of agent a1', () => mesh.killActor(n1, '/agents/sessions/a1'), ({ life, after }) => `life ${life} ended, life ${after} runs`);
  await show(n1, 'history', '/agents/sessions/a1');

  await step('kill node n3 (SIGKILL)', () => mesh.killNode(n3), () => 'gone without a word');
  await step('its agents move to nodes that live', () => mesh.agentsAreOn(AGENTS, ['n1', 'n2']), (agents) => agents.map(({ id, node }) => `${id}→${node}`).join(' '));
  await step('the others notice', () => mesh.allSee(['n3'], 'dead'), () => 'n3 is suspected, then dead');
  await show(n1, 'members');

  await step('stop everything in order', () => mesh.stop(), (codes) => `exit codes ${codes.join(' ')}`);
}

/** The demo is over before its end: all that it started goes, and its exit code says why. */
function leave(exitCode: number): void {
  isLeaving = true;
  spinner?.stop();
  void mesh.clear().then(() => process.exit(exitCode));
}

// 128 + the signal's number, as shells have it. A reader who has gone is SIGPIPE to them.
for (const [signal, exitCode] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) process.on(signal, () => leave(exitCode));
for (const output of [process.stdout, process.stderr]) output.on('error', () => leave(141));

try {
  await run();
  process.stdout.write(`\nThat was ${((performance.now() - startedAt) / 1_000).toFixed(0)} s. Run your own node: npm start\n`);
} catch (error) {
  // What fails while all is being ended fails because of that.
  if (!isLeaving) {
    spinner?.fail();
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\nThe logs end with:\n${mesh.logs()}\n`);
    process.exitCode = 1;
  }
} finally {
  await mesh.clear();
}
