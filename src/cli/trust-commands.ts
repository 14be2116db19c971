/** Commands about who this node is and whom it believes. They read files, and ask no node: the first comes before any runs. */
import { readConfig, type Config } from '../config/config.ts';
import { authorityDir, trustDir } from '../config/home-path.ts';
import { MeshError } from '../errors.ts';
import { makeAuthority } from '../trust/authority.ts';
import { keepAuthority, readAuthority } from '../trust/authority-files.ts';
import { readFabricAddresses } from '../trust/fabric-file.ts';
import { readIdentity } from '../trust/identity-files.ts';
import { firstRing } from '../trust/gossip-ring.ts';
import { ownIdentity } from '../trust/own-identity.ts';
import { writeRing } from '../trust/ring-file.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import { readWorkloadApi } from '../trust/workload-api-file.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatSessions, sessionLine } from './format-sessions.ts';
import { formatTrust, trustView } from './format-trust.ts';

export const TRUST_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'sessions',
    summary: "the connections that stand: with whom, its certificate, how the keys were exchanged, age and bytes; agents' too",
    example: 'mesh sessions',
    run: async ({ ask, answer, remark, paint }) => {
      const { sessions } = await ask((admin) => admin.listSessions({}));
      const lines = sessions.map(sessionLine).sort((a, b) => (a.peer < b.peer ? -1 : 1));
      if (lines.length === 0) remark('no connection stands');
      answer(lines, () => (lines.length === 0 ? [] : formatSessions(lines, Date.now(), paint)));
      return DONE;
    },
  },
  {
    words: 'init',
    isLocal: true,
    summary: 'found a trust domain: make its authority, and the identity of its first node',
    options: [
      { flags: '--trust-domain <name>', summary: 'what all identities begin with, such as omega.test' },
      { flags: '--name <name>', summary: 'name of the node (default: the host name, env: MESH_NAME)' },
    ],
    example: 'mesh init --trust-domain omega.test --name n1',
    run: init,
  },
  {
    words: 'trust show',
    isLocal: true,
    summary: "show the node's identity, until when it holds and where the next one comes from, whom it believes, and whether it can issue identities",
    options: [{ flags: '--name <name>', summary: 'name of the node, when none runs (default: the host name, env: MESH_NAME)' }],
    example: 'mesh trust show',
    run: show,
  },
];

/** Who the node is and where it keeps that; nothing else of its configuration matters here. */
function whoIs({ io, options }: Call): Pick<Config, 'name' | 'dataDir'> {
  const { MESH_NAME, MESH_DATA_DIR } = io.env;
  const flags = Object.fromEntries((['name', 'dataDir'] as const).flatMap((key) => (typeof options[key] === 'string' ? [[key, options[key]]] : [])));
  return readConfig({ flags, env: { MESH_NAME, MESH_DATA_DIR }, file: undefined, hostName: io.hostName, home: io.home }).config;
}

async function init(call: Call): Promise<number> {
  const { io, options, answer, remark } = call;
  const trustDomain = options['trustDomain'];
  if (typeof trustDomain !== 'string') {
    throw new MeshError('BAD_ARGUMENT', 'the trust domain is missing', { expected: '--trust-domain and a name of small letters, digits, ".", "-" or "_", such as omega.test' });
  }
  const { name, dataDir } = whoIs(call);
  const nowMs = Date.now();
  const dir = authorityDir(io.home);
  const present = readAuthority(dir);
  if (present !== undefined && present.trustDomain !== trustDomain) {
    throw new MeshError('REFUSED', `there is an authority already, of the trust domain ${present.trustDomain}, in ${dir}`, {
      given: trustDomain,
      expected: present.trustDomain,
      todo: `found the other trust domain as another user, or move ${dir} away: nothing that it issued will be believed then`,
    });
  }
  if (present === undefined) {
    keepAuthority(dir, await makeAuthority(trustDomain, nowMs));
    writeRing(dir, firstRing(nowMs));
  }
  const { identity } = await ownIdentity({ kind: 'node', name, trustDir: trustDir(dataDir), authorityDir: dir, makeAuthorityFor: undefined, nowMs });
  const view = trustView(identity, { authorityDir: dir, isAuthorityHere: true, fabrics: [], workloadSocket: undefined });
  answer(view, () => [
    `${present === undefined ? 'made' : 'kept'} the authority of ${trustDomain} in ${dir}`,
    `issued ${formatSpiffeId(identity.svid.id)}, in ${trustDir(dataDir)}`,
  ]);
  if (present === undefined) remark(`whoever can read ${dir} can be anybody in ${trustDomain}: keep a copy where only you can read it`);
  return DONE;
}

function show(call: Call): Promise<number> {
  const { io, options, answer, paint } = call;
  const dataDir = dataDirOf(call, options['name'] !== undefined);
  const dir = authorityDir(io.home);
  const identity = readIdentity(trustDir(dataDir));
  if (identity === undefined) {
    throw new MeshError('NO_IDENTITY', `there is no identity in ${trustDir(dataDir)}`, {
      given: dataDir,
      expected: 'the data directory of a node that has one',
      todo: 'found a trust domain with `mesh init --trust-domain <name>`, or join one with `mesh join --token <token> --seed <host>`',
    });
  }
  const authority = readAuthority(dir);
  const isAuthorityHere = authority !== undefined && identity.bundle.authorities.some((known) => known.fingerprint256 === authority.certificate.fingerprint256);
  const kept = trustDir(dataDir);
  const view = trustView(identity, { authorityDir: dir, isAuthorityHere, fabrics: readFabricAddresses(kept), workloadSocket: readWorkloadApi(kept) });
  answer(view, () => formatTrust(view, Date.now(), paint));
  return Promise.resolve(DONE);
}

/** Of the node that is chosen or runs; else where the one would be that was not started yet. */
function dataDirOf(call: Call, isNamed: boolean): string {
  if (!isNamed) {
    try {
      return call.findNode().dataDir;
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'NODE_UNREACHABLE') throw error;
    }
  }
  return whoIs(call).dataDir;
}
