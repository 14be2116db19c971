/** What the commands about members print with --json: as in views.ts. */
import type { MemberHappening__Output } from '../transport/generated/omega/mesh/v1/MemberHappening.ts';
import type { MemberRecord__Output } from '../transport/generated/omega/mesh/v1/MemberRecord.ts';
import { memberLine, moment, type MemberLine } from './views.ts';

export interface HappeningLine {
  readonly at: string;
  readonly member: string;
  readonly type: string;
  readonly reason: string;
  readonly incarnation: number;
  readonly accuser: string | null;
  readonly address: string | null;
  /** Of a quarantine: whose name it claimed. */
  readonly claimed: string | null;
  /** Of a suspicion of this node's own: what was tried when the direct ping was not answered, and how well it heard itself (0: well). */
  readonly probe: { readonly helpers: readonly string[]; readonly stream: string; readonly health: number } | null;
  readonly confirmations: { readonly count: number; readonly wanted: number } | null;
}

export interface MemberRecordLines {
  readonly name: string;
  /** Null when it is forgotten. */
  readonly member: MemberLine | null;
  /** Oldest first. */
  readonly happenings: readonly HappeningLine[];
}

export function happeningLine({ atMs, member, type, reason, incarnation, accuser, address, claimed, probe, confirmations }: MemberHappening__Output): HappeningLine {
  return {
    at: moment(atMs),
    member,
    type,
    reason,
    incarnation,
    accuser: accuser === '' ? null : accuser,
    address: address === '' ? null : address,
    claimed: claimed === '' ? null : claimed,
    probe: probe && { helpers: probe.helpers, stream: probe.stream, health: probe.health },
    confirmations: confirmations && { count: confirmations.count, wanted: confirmations.wanted },
  };
}

export function memberRecordView({ name, member, happenings }: MemberRecord__Output): MemberRecordLines {
  return { name, member: member && memberLine(member), happenings: happenings.map(happeningLine) };
}
