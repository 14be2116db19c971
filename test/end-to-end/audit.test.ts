import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { listenTo, Playground, until } from '../support/mesh-process.ts';

interface Entry {
  readonly what: string;
  readonly who: string;
  readonly outcome: string;
  readonly subject?: string;
  readonly detail?: string;
}

describe('the audit log of a node, as processes', function () {
  this.timeout(60_000);
  let play: Playground;

  beforeEach(() => (play = new Playground()));
  afterEach(() => play.clear());

  const parsed = (stdout: string): Entry[] => stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Entry);

  it('has what operators changed, with who asked, and is whole over crashes of the node', async () => {
    const node = await play.node('n1');
    const follower = play.spawn('audit', 'tail', '--follow', '--json', '--data-dir', node.dataDir);
    const heard = listenTo(follower);
    await node.mesh('registry', 'put', 'colour', 'green');
    await node.mesh('registry', 'get', 'colour');
    await node.mesh('chaos', 'kill', '/bus/subjects');
    await node.mesh('stop', '/');
    await until('the entry to be followed', 5_000, () => (heard.stdout().includes('"stop"') ? true : undefined));
    const entries = parsed((await node.mesh('audit', 'tail', '--json')).stdout);
    expect(entries.map(({ what, outcome, subject }) => `${outcome} ${what} ${subject}`)).to.deep.equal([
      'begun node-start n1',
      'done registry-put colour',
      'done kill /bus/subjects',
      'refused stop /',
    ]);
    expect(entries[1]!.who).to.match(/ \(pid \d+\)$/);
    expect(entries[3]!.detail).to.include('own connection');
    await node.kill('SIGKILL');
    const file = join(node.dataDir, 'trust', 'audit.jsonl');
    const whole = readFileSync(file);
    // As a crash of the machine leaves it.
    truncateSync(file, whole.length - 20);
    const again = await play.node('n1');
    await again.kill('SIGTERM');
    const verdict = await play.run('audit', 'verify', '--data-dir', node.dataDir);
    expect(verdict.code, verdict.stdout).to.equal(0);
    expect(verdict.stderr).to.include('was not written to its end');
    expect(verdict.stdout).to.include('is whole: 5 entries');
    writeFileSync(file, readFileSync(file, 'utf8').replace('colour', 'colours'));
    expect((await play.run('audit', 'verify', '--data-dir', node.dataDir)).stdout).to.include('broken at audit.jsonl line 2');
  });
});
