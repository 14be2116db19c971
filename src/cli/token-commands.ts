/** Commands about tokens: made where the authority is kept, carried to the new member by a person, and used there once. */
import { parseAddress, type Address } from '../address.ts';
import { adminTrustDir, agentTrustDir, authorityDir, defaultDataDir, absolutePath, trustDir } from '../config/home-path.ts';
import { MeshError } from '../errors.ts';
import { ADMIN_ROLES, type AdminRole, type Authority } from '../trust/authority.ts';
import { readAuthority } from '../trust/authority-files.ts';
import { keyPin } from '../trust/bundle.ts';
import { TRUST_PORT_DEFAULT } from '../trust/fabric-file.ts';
import { formatSpiffeId, parseSpiffeId, type IdentityKind, type SpiffeId } from '../trust/spiffe-id.ts';
import { keepToken, listTokens, revokeToken, type KeptToken } from '../trust/token-files.ts';
import { formatToken, makeToken, parseToken, tokenName } from '../trust/token.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatTable } from './format-table.ts';
import { span } from './option-value.ts';
import { moment } from './views.ts';

const TTL_DEFAULT = '10m';
const TTL_MIN_MS = 60_000;
/** A token that lies about for longer is found by others. */
const TTL_MAX_MS = 7 * 86_400_000;

export const TOKEN_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'token create',
    isLocal: true,
    summary: 'make a token that is worth one identity, once; on the machine of the authority',
    options: [
      { flags: '--node <name>', summary: 'for the node of this name' },
      { flags: '--agent <id>', summary: 'for the agent of this id' },
      { flags: '--admin <name>', summary: 'for an admin, with a --role' },
      { flags: '--role <role>', summary: `what the admin may do: ${ADMIN_ROLES.join(', ')}; each also what those before it may` },
      { flags: '--ttl <time>', summary: `how long it may be used (default: ${TTL_DEFAULT})` },
    ],
    example: 'mesh token create --node n2',
    run: createToken,
  },
  {
    words: 'token list',
    isLocal: true,
    summary: 'list the tokens of the authority here, without their secrets',
    example: 'mesh token list',
    run: (call) => {
      const { dir } = authorityOf(call);
      const tokens = listTokens(dir).sort((a, b) => a.expiresAtMs - b.expiresAtMs).map((token) => tokenView(token, Date.now()));
      const rows = tokens.map(({ name, id, role, expiresAt, state }) => [name, id, role ?? '', expiresAt, state]);
      call.answer(tokens, () => formatTable([{ head: 'NAME' }, { head: 'FOR' }, { head: 'ROLE' }, { head: 'EXPIRES' }, { head: 'STATE' }], rows, call.paint, call.width));
      if (tokens.length === 0) call.remark('there are no tokens');
      return Promise.resolve(DONE);
    },
  },
  {
    words: 'token revoke',
    isLocal: true,
    operands: '<name>',
    summary: 'take a token back, by its name or the beginning of it; an identity that it was used for stays',
    example: 'mesh token revoke 3fa9',
    run: (call) => {
      const revoked = revokeToken(authorityOf(call).dir, call.operands[0]!);
      call.answer(tokenView(revoked, Date.now()), () => [`took back the token for ${formatSpiffeId(revoked.id)}`]);
      return Promise.resolve(DONE);
    },
  },
  {
    words: 'join',
    isLocal: true,
    summary: 'get the identity that a token is worth, from the node where it was made',
    options: [
      { flags: '--token <token>', summary: 'as `mesh token create` printed it' },
      { flags: '--seed <host[:port]>', summary: `where the authority is: the trust port of that node (default port: ${TRUST_PORT_DEFAULT}); may be repeated`, isRepeatable: true },
    ],
    example: 'mesh join --token omt1.WyJ --seed 10.0.0.1',
    run: joinByToken,
  },
];

function authorityOf({ io }: Call): { readonly dir: string; readonly authority: Authority } {
  const dir = authorityDir(io.home);
  const authority = readAuthority(dir);
  if (authority !== undefined) return { dir, authority };
  throw new MeshError('NO_IDENTITY', `there is no authority in ${dir}`, {
    expected: 'the machine and the user that hold the authority',
    todo: 'found a trust domain here with `mesh init --trust-domain <name>`, or ask on the machine where that was done',
  });
}

function createToken(call: Call): Promise<number> {
  const { options, answer, remark } = call;
  const { dir, authority } = authorityOf(call);
  const { kind, name } = subjectOf(options);
  const id = parseSpiffeId(`spiffe://${authority.trustDomain}/${kind}/${name}`);
  const nowMs = Date.now();
  const expiresAtMs = nowMs + span('--ttl', String(options['ttl'] ?? TTL_DEFAULT), TTL_MIN_MS, TTL_MAX_MS);
  const token = makeToken({ id, role: roleOf(options, kind), pin: keyPin(authority.certificate), expiresAtMs });
  keepToken(dir, token, nowMs);
  const text = formatToken(token);
  answer({ name: tokenName(token.secret), id: formatSpiffeId(id), role: token.role ?? null, expiresAt: moment(expiresAtMs), token: text }, () => [text]);
  remark(`for ${formatSpiffeId(id)}, once, until ${moment(expiresAtMs)}; there: mesh join --token <token> --seed ${seedHere(call)}`);
  return Promise.resolve(DONE);
}

function subjectOf(options: Call['options']): Pick<SpiffeId, 'kind' | 'name'> {
  const given = (['node', 'agent', 'admin'] as const).filter((kind) => options[kind] !== undefined);
  const [kind, ...others] = given;
  if (kind !== undefined && others.length === 0) return { kind, name: String(options[kind]) };
  throw new MeshError('BAD_ARGUMENT', given.length === 0 ? 'nobody is named that the token is for' : 'a token is for one only', { expected: 'one of --node <name>, --agent <id> and --admin <name>' });
}

function roleOf(options: Call['options'], kind: IdentityKind): AdminRole | undefined {
  const given = options['role'];
  if (kind !== 'admin' && given === undefined) return undefined;
  const role = ADMIN_ROLES.find((known) => known === given);
  if (kind === 'admin' && role !== undefined) return role;
  const what = kind === 'admin' ? `--role is ${given === undefined ? 'missing' : `"${String(given)}"`}` : `--role is for admins, and not for a ${kind}`;
  throw new MeshError('BAD_ARGUMENT', what, { expected: `--admin <name> with --role ${ADMIN_ROLES.join(', ')}` });
}

/** Where the node that runs here would be asked; else in words. */
function seedHere(call: Call): string {
  try {
    return parseAddress(call.findNode().grpcAddress, 0).host;
  } catch {
    return '<address of a node here>';
  }
}

interface TokenView {
  readonly name: string;
  readonly id: string;
  readonly role: string | null;
  readonly expiresAt: string;
  readonly state: string;
}

function tokenView({ name, id, role, expiresAtMs, usedAtMs }: KeptToken, nowMs: number): TokenView {
  const state = usedAtMs !== undefined ? `used ${moment(usedAtMs)}` : nowMs > expiresAtMs ? 'expired' : 'open';
  return { name, id: formatSpiffeId(id), role: role ?? null, expiresAt: moment(expiresAtMs), state };
}

async function joinByToken(call: Call): Promise<number> {
  const { doors, options, answer, remark } = call;
  const token = parseToken(tokenOf(options));
  const seeds = Array.isArray(options['seed']) ? (options['seed'] as readonly string[]) : [];
  const [first, ...others] = seeds.flatMap((text) => text.split(',')).map((text) => parseAddress(text, TRUST_PORT_DEFAULT));
  if (first === undefined) throw new MeshError('BAD_ARGUMENT', 'nobody is named who could be asked', { expected: `--seed and the address of the node where the token was made, such as 10.0.0.1 (port ${TRUST_PORT_DEFAULT})` });
  const place = placeOf(call, token.id);
  const { identity, gossipSeeds, isGossipEncrypted } = await doors.joinDomain({ token, fabric: [first, ...others] as readonly [Address, ...Address[]], ...place });
  const id = formatSpiffeId(identity.svid.id);
  const view = { id, notAfter: moment(identity.svid.notAfterMs), dir: place.trustDir, gossipSeeds, gossipEncrypted: isGossipEncrypted };
  answer(view, () => [`joined ${token.id.trustDomain} as ${id}, in ${place.trustDir}`]);
  const dataDir = options['dataDir'];
  const chosen = typeof dataDir === 'string' ? ` --data-dir ${dataDir}` : '';
  if (token.id.kind === 'node') remark(`start it with: mesh start --name ${token.id.name}${chosen} --bind <ip of this machine>`);
  if (token.id.kind === 'agent') remark(`start it with: mesh agent --id ${token.id.name} --node <host>`);
  if (token.id.kind === 'admin') remark(`ask a node with: mesh --node ${first.host} status`);
  return DONE;
}

function tokenOf({ token }: Call['options']): string {
  if (typeof token === 'string') return token.trim();
  throw new MeshError('BAD_ARGUMENT', 'the token is missing', { expected: '--token and what `mesh token create` printed' });
}

function placeOf({ io, options }: Call, { kind, name }: SpiffeId): { readonly trustDir: string; readonly dataDir: string | undefined } {
  if (kind === 'agent') return { trustDir: agentTrustDir(io.home, name), dataDir: undefined };
  if (kind === 'admin') return { trustDir: adminTrustDir(io.home, name), dataDir: undefined };
  const chosen = options['dataDir'] ?? io.env['MESH_DATA_DIR'];
  const dataDir = typeof chosen === 'string' && chosen !== '' ? absolutePath(chosen, io.home) : defaultDataDir(io.home, name);
  return { trustDir: trustDir(dataDir), dataDir };
}
