/** What happened to members, for people. Pure. */
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import { wrapped } from './format-why.ts';
import type { HappeningLine, MemberRecordLines } from './member-lines.ts';
import { paintStatus, printable, type Paint } from './paint.ts';

export function formatHappening(line: HappeningLine, paint: Paint): string {
  return `${paint.dim(line.at)} ${printable(line.member)} ${paintStatus(statusAfter(line), paint)}: ${told(line)}`;
}

/** @param nowMs since the Unix epoch */
export function formatMemberRecord({ name, member, happenings }: MemberRecordLines, nowMs: number, paint: Paint, width: number | undefined): string[] {
  const how =
    member === null
      ? `${printable(name)} is not known any more: it was forgotten.`
      : `${printable(name)}, ${printable(member.address)}, has been ${member.status} for ${formatDuration(member.sinceMs)}, at incarnation ${member.incarnation}.${member.quarantine === null ? '' : ` It is in quarantine: ${printable(member.quarantine)}.`}`;
  if (happenings.length === 0) return wrapped(`${how} Nothing has happened to it that is remembered.`, width ?? Infinity);
  const rows = happenings.map((line) => [
    line.at,
    formatDuration(nowMs - Date.parse(line.at)),
    paintStatus(statusAfter(line), paint),
    String(line.incarnation),
    told(line),
  ]);
  return [
    ...wrapped(how, width ?? Infinity),
    ...formatTable([{ head: 'TIME' }, { head: 'AGO', align: 'right' }, { head: 'THEN' }, { head: 'INCARNATION', align: 'right' }, { head: 'BECAUSE' }], rows, paint),
  ];
}

/** What the member is after it; events that change nothing stand under their own name. */
function statusAfter({ type }: HappeningLine): string {
  switch (type) {
    case 'refuted':
      return 'alive';
    case 'confirmed':
      return 'suspect';
    default:
      return type;
  }
}

function told(line: HappeningLine): string {
  const accuser = printable(line.accuser ?? 'nobody who is known');
  switch (line.type) {
    case 'alive':
      return `${line.reason === 'back' ? 'it is back' : 'it was found'} at ${printable(line.address ?? 'an unknown address')}`;
    case 'suspect':
      return suspected(line, accuser);
    case 'confirmed':
      return `${line.probe === null ? `${accuser} suspects it too` : suspected(line, accuser)}${line.confirmations === null ? '' : ` (confirmation ${line.confirmations.count} of ${line.confirmations.wanted})`}`;
    case 'refuted':
      return refuted(line, accuser);
    case 'dead':
      return line.reason === 'told' ? `${accuser} says that its time to refute is up` : 'it did not refute in its time';
    case 'left':
      return line.reason === 'let-go' ? 'it was dead, and it was said that nobody waits for it' : 'it said goodbye';
    case 'updated':
      return line.reason === 'address' ? `it is at ${printable(line.address ?? 'an unknown address')} now, and nobody answered for it where it was` : 'it says something else about itself';
    case 'reaped':
      if (line.reason === 'pruned') return 'it had left, and it was said that it is to be forgotten';
      return `it was forgotten, ${line.reason === 'left' ? 'having left' : 'dead for long enough'}`;
    case 'udp-lost':
      return `UDP to ${printable(line.member)} lost, TCP works: it is reached over TCP from now on`;
    case 'udp-back':
      return `UDP to ${printable(line.member)} is answered again`;
    case 'verified':
      return 'what it says of itself is signed with its key';
    case 'false-claim':
      return `a claim that it is at ${printable(line.address ?? 'an unknown address')} was not believed: ${line.accuser === null ? 'its signature is wrong' : `${accuser} signed it`}`;
    case 'quarantined':
      return line.claimed === null ? 'what it says of itself is not signed with its key: it is no peer, and its word counts for nothing' : `it signed a claim to be ${printable(line.claimed)}: it is no peer, and its word counts for nothing`;
    case 'released':
      return 'it is believed again';
    case 'conflict':
      return `its name is claimed from ${printable(line.address ?? 'an unknown address')} too`;
    default:
      return printable(line.reason);
  }
}

function suspected({ reason, probe }: HappeningLine, accuser: string): string {
  if (reason === 'told') return `${accuser} suspects it`;
  if (reason === 'listed') return 'a list of members that somebody sent has it as suspected or dead';
  if (probe === null) return `${accuser} had no answer from it`;
  const helpers = probe.helpers.length === 0 ? 'nobody else was asked' : `none through ${probe.helpers.map(printable).join(', ')}`;
  return `${accuser} had no answer to its ping: none directly, ${helpers}, none over TCP (${printable(probe.stream)})${probe.health === 0 ? '' : `; it did not hear well itself then (local health ${probe.health})`}`;
}

function refuted({ reason }: HappeningLine, accuser: string): string {
  if (reason === 'accused') return `accused by ${accuser}, it said that it is alive`;
  if (reason === 'outdated-claim') return 'others held a claim of an earlier life of it, and it corrected them';
  return `it said that it is alive after ${accuser} had suspected it`;
}
