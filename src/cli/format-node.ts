/** A node, its members and its history, for people. Pure. */
import type { StatusReply__Output } from '../transport/generated/omega/mesh/v1/StatusReply.ts';
import { counted } from './counted.ts';
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import { paintStatus, printable, type Paint } from './paint.ts';
import { localHealthSummary, moment, type MemberLine } from './views.ts';

const MIB = 1024 * 1024;

export function formatStatus(status: StatusReply__Output, paint: Paint): string[] {
  const dropped = Object.entries(status.packetsDropped).filter(([, count]) => count > 0);
  const refused = Object.entries(status.refusedCalls);
  const facts: [name: string, value: string][] = [
    ['node', `${printable(status.node)}, version ${status.version}, pid ${status.pid}, up ${formatDuration(status.uptimeMs)}`],
    ['gossip', `${status.gossipAddress}, profile ${status.profile}, incarnation ${status.incarnation}`],
    ['grpc', status.grpcAddress],
    ['admin socket', status.adminSocket],
    ['data directory', status.dataDir],
    ['members', `${status.membersAlive} alive of ${status.membersTotal}`],
    ['local health', localHealth(status, paint)],
    ['sessions', `${status.sessionsOpen} open`],
    ['agents', `${status.agentsConnected} connected`],
    ['registry', `${counted(status.registryEntries, 'entry', 'entries')}${unsaved(status, paint)}`],
    ['actors', [String(status.actors), counted(status.restarts, 'restart'), counted(status.crashes, 'crash', 'crashes'), counted(status.deadLetters, 'dead letter')].join(', ')],
    ['memory', `${Math.round(status.memoryBytes / MIB)} MiB`],
  ];
  if (status.unreachedSeeds.length > 0) {
    facts.push(['unreached seeds', paint.yellow(`${status.unreachedSeeds.map(printable).join(', ')} (still trying)`)]);
  }
  if (status.udpLost.length > 0) {
    facts.push(['UDP lost', paint.yellow(`to ${status.udpLost.map(printable).join(', ')}; TCP works, and is used`)]);
  }
  if (dropped.length > 0) {
    facts.push(['dropped packets', paint.yellow(dropped.map(([reason, count]) => `${printable(reason)} ${count}`).join(', '))]);
  }
  if (refused.length > 0) {
    facts.push(['refused calls', paint.yellow(refused.map(([code, count]) => `${printable(code)} ${count}`).join(', '))]);
  }
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${paint.dim(name.padEnd(width))}  ${value}`);
}

function localHealth({ localHealth: health }: StatusReply__Output, paint: Paint): string {
  if (health === null) return paint.yellow('unknown: membership does not answer');
  return health.score === 0 ? localHealthSummary(health) : paint.yellow(printable(localHealthSummary(health)));
}

function unsaved({ registryNotSaved: unsaved }: StatusReply__Output, paint: Paint): string {
  return unsaved === null ? '' : paint.red(`, not saved since ${moment(unsaved.atMs)}: ${printable(unsaved.reason)}`);
}

export function formatMembers(members: readonly MemberLine[], paint: Paint): string[] {
  const areTagged = members.some(({ tags }) => shownTags(tags) !== '');
  return formatTable(
    [
      { head: 'NAME' },
      { head: 'ADDRESS' },
      { head: 'STATUS' },
      { head: 'VERIFIED' },
      { head: 'SINCE', align: 'right' },
      { head: 'INCARNATION', align: 'right' },
      { head: 'SESSION' },
      { head: 'RTT', align: 'right' },
      ...(areTagged ? [{ head: 'TAGS' }] : []),
    ],
    members.map((member) => [
      `${printable(member.name)}${member.isSelf ? paint.dim(' (this node)') : ''}`,
      printable(member.address),
      `${paintStatus(member.status, paint)}${member.isDegraded ? paint.yellow(', degraded') : ''}${member.udpLost ? paint.yellow(', UDP lost') : ''}${member.quarantine === null ? '' : paint.red(', quarantined')}`,
      verified(member, paint),
      formatDuration(member.sinceMs),
      String(member.incarnation),
      member.isSelf ? '-' : paintStatus(member.session, paint),
      member.rttMs === null ? '-' : `${member.rttMs.toFixed(1)}ms`,
      ...(areTagged ? [printable(shownTags(member.tags))] : []),
    ]),
    paint,
  );
}

function verified({ verified: how }: MemberLine, paint: Paint): string {
  if (how === 'false') return paint.red('FALSE');
  return how === 'pending' ? paint.yellow(how) : printable(how ?? '-');
}

/** As `key=value` pairs, but for where a node takes sessions, which programs ask for and people do not. */
function shownTags({ grpc: _grpc, ...tags }: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
