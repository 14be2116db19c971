import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Verdict {
  readonly held: boolean;
  readonly restarts: number;
  readonly checks: readonly { readonly promise: string; readonly held: boolean; readonly detail: string }[];
}

describe('chaos in a node, as a process', function () {
  this.timeout(90_000);
  let play: Playground;
  let node: StartedNode;

  // One node for all, the storm last: the others look at who was restarted.
  before(async () => {
    play = new Playground();
    // Not where others' nodes are: whoever takes a port between two lives of its listener keeps it.
    node = await play.node('n1', { bind: '127.0.37.1' });
  });
  after(() => play.clear());

  it('foretells what then happens', async () => {
    const { steps } = await node.json<{ steps: { kind: string; path: string }[] }>('chaos', 'what-if', 'kill', '/peers/sessions');
    expect(steps.map(({ kind, path }) => `${kind} ${path}`)).to.deep.equal(['stop /peers/sessions', 'stop /peers/roster', 'start /peers/sessions', 'start /peers/roster']);
    await node.mesh('chaos', 'kill', '/peers/sessions');
    await until('both are back', 5_000, async () => {
      const history = await node.json<{ type: string; path: string }[]>('history');
      return history.filter(({ type, path }) => type === 'restart' && path.startsWith('/peers/')).length === 2 ? true : undefined;
    });
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    it(`is taken back when the command that holds it ends with ${signal}`, async () => {
      const hang = play.spawn('chaos', 'hang', '/registry/document', '--for', '10m', '--data-dir', node.dataDir);
      const said = listenTo(hang);
      await until('the hang', 10_000, () => (said.stdout().includes('hang for 600000 ms') ? true : undefined));
      const hung = await node.mesh('registry', 'put', 'k', 'v');
      expect([hung.code, hung.stderr]).to.deep.equal([1, 'mesh: /registry/document did not answer in time\n  see `mesh tree /registry/document`, then try again\n']);
      expect(await endOf(hang, () => hang.kill(signal))).to.equal(signal === 'SIGINT' ? 0 : null);
      expect((await node.mesh('registry', 'put', 'k', 'v')).code).to.equal(0);
      expect((await node.json<{ restarts: number }>('tree', '/registry/document')).restarts).to.equal(0);
    });
  }

  it('by a storm leaves all running, an agent’s session too, and says so', async () => {
    play.spawn('agent', '--id', 'a1', '--node', node.grpc);
    await until('the agent', 10_000, async () => ((await node.json<unknown[]>('agents')).length === 1 ? true : undefined));
    const { code, stdout, stderr } = await node.mesh('chaos', 'storm', '--seed', '7', '--for', '4s', '--rate', '20', '--json');
    const verdict = JSON.parse(stdout) as Verdict;
    expect(verdict.checks.filter(({ held }) => !held), stderr).to.deep.equal([]);
    expect([code, verdict.held]).to.deep.equal([0, true]);
    expect(verdict.restarts).to.be.greaterThan(3);
    await until('the agent is connected', 10_000, async () => ((await node.json<{ connected: boolean }[]>('agents'))[0]?.connected === true ? true : undefined));
  });
});
