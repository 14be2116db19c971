/** gRPC as others speak it: Python's and Go's clients at our listener, without an identity, with a wrong one and with a right one. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { authorityDir } from '../../src/config/home-path.ts';
import { AGENT_SESSION } from '../../src/transport/agent-service.ts';
import { PEER_SESSION } from '../../src/transport/peer-service.ts';
import { makeAuthority } from '../../src/trust/authority.ts';
import type { Authority } from '../../src/trust/authority.ts';
import { readAuthority } from '../../src/trust/authority-files.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import type { IdentityKind } from '../../src/trust/spiffe-id.ts';
import { Playground } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

const SOURCES = new URL('./grpc-clients/', import.meta.url).pathname;
const GO_GRPC = '/usr/share/gocode/src/google.golang.org/grpc';
/** Debian's own: its packages are for no other Python. */
const PYTHON = '/usr/bin/python3';
const BUILD_MS = 180_000;
const HELLO = AGENT_SESSION.requestSerialize({ hello: { id: 'a7', program: 'elsewhere', labels: {} } }).toString('hex');
const PEER_HELLO = PEER_SESSION.requestSerialize({ hello: { node: 'n1', target: 'n1', protocol: 1, address: 'x:1' } }).toString('hex');

interface Foreign {
  readonly name: string;
  readonly lacks: () => string | undefined;
  /** The command that is the client. */
  readonly make: (dir: string) => readonly [string, ...string[]];
}

const CLIENTS: readonly Foreign[] = [
  {
    name: 'Python',
    lacks: () => (spawnSync(PYTHON, ['-c', 'import grpc']).status === 0 ? undefined : 'python3-grpcio'),
    make: () => [PYTHON, join(SOURCES, 'client.py')],
  },
  {
    name: 'Go',
    lacks: () => (existsSync(GO_GRPC) && spawnSync('go', ['version']).status === 0 ? undefined : 'golang-go, golang-google-grpc-dev'),
    make: (dir) => {
      const binary = join(dir, 'client');
      const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(dir, 'cache'), GOFLAGS: '' };
      const { status, stderr } = spawnSync('go', ['build', '-o', binary, join(SOURCES, 'client.go')], { env, timeout: BUILD_MS });
      if (status !== 0) throw new Error(String(stderr));
      return [binary];
    },
  },
];

for (const { name, lacks, make } of CLIENTS) {
  describe(`a gRPC client in ${name}`, function () {
    this.timeout(60_000);
    const play = new Playground();
    let node: StartedNode;
    let client: readonly [string, ...string[]];
    let authority: Authority;
    let believed: string;

    before(async function () {
      this.timeout(BUILD_MS + 60_000);
      const missing = lacks();
      if (missing !== undefined) {
        console.warn(`      skipped: Debian's packages ${missing} are not installed`);
        this.skip();
      }
      client = make(play.home);
      node = await play.node('n1', { readyWithinMs: 30_000 });
      authority = readAuthority(authorityDir(play.home))!;
      believed = write('ca.crt', String(authority.certificate));
    });
    after(() => play.clear());

    const write = (file: string, text: string): string => {
      const path = join(play.home, file);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const identity = async (by: Authority, kind: IdentityKind, id: string): Promise<readonly [string, string]> => {
      const { svid } = await issueOwn(by, { kind, name: id, nowMs: Date.now() });
      return [write('svid.crt', svid.certificates.join('')), write('svid.key', String(svid.key.export({ type: 'pkcs8', format: 'pem' })))];
    };
    const says = (ca: string, [certificate, key]: readonly [string, string], path: string, request: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const [command, ...args] = client;
        execFile(command, [...args, node.grpc, ca, certificate, key, path, request], { timeout: 30_000 }, (error, stdout) => (error === null ? resolve(stdout.trim()) : reject(error)));
      });

    it('hears why it is not let in without a certificate, and nothing in the clear', async () => {
      expect(await says(believed, ['-', '-'], AGENT_SESSION.path, HELLO)).to.match(/^(UNAUTHENTICATED|Unauthenticated) nobody is served here without a certificate$/);
      expect(await says('-', ['-', '-'], AGENT_SESSION.path, HELLO)).to.match(/^(UNAVAILABLE|Unavailable) /);
    });

    it('hears that its authority is not known, that a node is no agent, and that an agent is not another', async () => {
      const stranger = await identity(await makeAuthority(authority.trustDomain, Date.now()), 'agent', 'a7');
      expect(await says(believed, stranger, AGENT_SESSION.path, HELLO)).to.match(/^(UNAUTHENTICATED|Unauthenticated) .*was issued by an authority that is not known here$/);
      expect(await says(believed, await identity(authority, 'node', 'n7'), AGENT_SESSION.path, HELLO)).to.match(/^(PERMISSION_DENIED|PermissionDenied) .*node\/n7 may not use omega\.mesh\.v1\.AgentService: an agent may$/);
      expect(await says(believed, await identity(authority, 'agent', 'a7'), PEER_SESSION.path, PEER_HELLO)).to.match(/^(PERMISSION_DENIED|PermissionDenied) .*a node may$/);
      expect(await says(believed, await identity(authority, 'agent', 'a8'), AGENT_SESSION.path, HELLO)).to.match(/^(PERMISSION_DENIED|PermissionDenied) the certificate of agent a8 does not make it agent a7$/);
    });

    it('is welcome with its own, and finds health and reflection', async () => {
      const own = await identity(authority, 'agent', 'a7');
      const welcome = AGENT_SESSION.responseDeserialize(Buffer.from(await says(believed, own, AGENT_SESSION.path, HELLO), 'hex'));
      expect(welcome.welcome).to.include({ node: 'n1' });
      // SERVING, and a list of services.
      expect(await says(believed, own, '/grpc.health.v1.Health/Check', '')).to.equal('0801');
      const listed = await says(believed, own, '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', '3a00');
      expect(Buffer.from(listed, 'hex').toString('latin1')).to.include('omega.mesh.v1.AgentService');
    });
  });
}
