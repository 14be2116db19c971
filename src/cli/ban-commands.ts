/** Commands about who is kept out of the mesh. */
import type { BanKind } from '../trust/ban-entry.ts';
import { MeshError } from '../errors.ts';
import type { Call, CommandSpec } from './command.ts';
import { counted } from './counted.ts';
import { DONE } from './exit-code.ts';
import { formatTable } from './format-table.ts';
import { printable } from './paint.ts';
import { moment } from './views.ts';

const REASON = { flags: '--reason <text>', summary: 'why, for those who will ask' };

export const BAN_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'trust ban',
    operands: '<identity>',
    summary: 'keep a node, agent/<id> or admin/<name> out of the mesh: all nodes cut it off and refuse it until it is unbanned',
    options: [REASON, { flags: '--force', summary: 'also the node that is asked' }],
    example: 'mesh trust ban n4 --reason "its disk was stolen"',
    run: (call) => issue(call, 'ban'),
  },
  {
    words: 'trust evict',
    operands: '<identity>',
    summary: 'refuse the certificates that an identity has now: it attests again, by itself',
    options: [REASON, { flags: '--force', summary: 'also the node that is asked' }],
    example: 'mesh trust evict agent/a1 --reason "its key was in a backup"',
    run: (call) => issue(call, 'evict'),
  },
  {
    words: 'trust unban',
    operands: '<identity>',
    summary: 'take a ban or an eviction back, when a second admin asks for it too',
    options: [REASON, { flags: '--force', summary: 'without a second admin' }],
    example: 'mesh trust unban n4 --reason "reinstalled"',
    run: (call) => issue(call, 'unban'),
  },
  {
    words: 'trust bans',
    summary: 'list who is or was kept out, by whom and why, the newest first',
    example: 'mesh trust bans',
    run: list,
  },
];

async function issue({ ask, answer, remark, io, operands, options }: Call, kind: BanKind): Promise<number> {
  const reason = options['reason'];
  if (typeof reason !== 'string' || reason === '') throw new MeshError('BAD_ARGUMENT', 'a reason is missing', { expected: '--reason "<why>"', todo: 'say why: it stands in the list and in the audit log of every node' });
  const request = { kind, subject: operands[0]!, reason, force: options['force'] === true, by: io.asker };
  const { subject, outcome, told, severed } = await ask((admin) => admin.issueBan(request));
  answer({ kind, subject, outcome, told, severed }, () => [outcome === 'waits' ? `${printable(subject)} is kept out still` : `${DONE_WORDS[kind]} ${printable(subject)}: told ${counted(told, 'node')}${kind === 'unban' ? '' : `, cut off ${counted(severed, 'connection')} here`}`]);
  if (outcome === 'waits') remark('a second admin must ask this node for the same within an hour, with a certificate of his own (mesh --node), or you say --force');
  return DONE;
}

const DONE_WORDS: Readonly<Record<BanKind, string>> = { ban: 'banned', evict: 'evicted', unban: 'unbanned' };

async function list({ ask, answer, remark, paint }: Call): Promise<number> {
  const { bans, digest, waiting } = await ask((admin) => admin.listBans({}));
  const lines = bans.map(({ subject, kind, counts, reason, by, issuer, epochMs }) => ({ subject, kind, counts, reason, by, issuer, at: new Date(epochMs).toISOString() }));
  if (lines.length === 0) remark('nobody is or was kept out');
  for (const { subject, by, atMs } of waiting) remark(`${printable(by)} has asked at ${moment(atMs)} to unban ${printable(subject)}, and a second admin must ask this node too`);
  answer({ bans: lines, digest, waiting: waiting.map(({ subject, by, atMs }) => ({ subject, by, at: moment(atMs) })) }, () =>
    lines.length === 0
      ? []
      : formatTable(
          [{ head: 'IDENTITY' }, { head: 'WHAT' }, { head: 'SINCE' }, { head: 'BY' }, { head: 'SIGNED' }, { head: 'REASON' }],
          lines.map(({ subject, kind, counts, at, by, issuer, reason }) => [printable(subject), counts ? paint.red(kind) : kind === 'unban' ? kind : paint.dim(`${kind}, no more`), at, printable(by), printable(issuer.slice(issuer.lastIndexOf('/') + 1)), printable(reason)]),
          paint,
        ),
  );
  return DONE;
}
