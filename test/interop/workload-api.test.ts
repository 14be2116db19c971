/** A program in Go that knows SPIFFE and nothing of ours, beside a node: it takes its identity, and the next one when that is pushed. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { buildGoProgram, GOPATH } from '../support/go-program.ts';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';

const SOURCE = new URL('./grpc-clients/workload.go', import.meta.url).pathname;
const BUILD_MS = 180_000;

describe('the Workload API for a program in Go', function () {
  this.timeout(60_000);
  const play = new Playground();
  let program: string;
  before(function () {
    this.timeout(BUILD_MS);
    if (!existsSync(join(GOPATH, 'src/google.golang.org/grpc')) || spawnSync('go', ['version']).status !== 0) {
      console.warn("      skipped: Debian's packages golang-go, golang-google-grpc-dev are not installed");
      this.skip();
    }
    program = buildGoProgram(SOURCE, 'workload', play.home);
  });
  after(() => play.clear());

  it('gives it an identity that Go’s own TLS takes, and pushes the next', async () => {
    const node = await play.node('n1', { bind: '127.0.73.21', flags: ['--svid-ttl-ms', '10000'], readyWithinMs: 30_000 });
    const { endpoint } = await node.json<{ endpoint: string }>('workload', 'add', 'web');
    const child = spawn(program, [endpoint.slice('unix://'.length), '2']);
    const said = listenTo(child);
    const lines = await until('two identities', 30_000, () => {
      const all = said.stdout().trim().split('\n');
      return all.length >= 2 || child.exitCode !== null ? all : undefined;
    });
    expect(await endOf(child, () => undefined), said.stdout()).to.equal(0);
    for (const line of lines) expect(line).to.match(/^SVID spiffe:\/\/.+\/workload\/n1\/web [0-9A-F]+$/);
    expect(new Set(lines).size).to.equal(2);
  });
});
