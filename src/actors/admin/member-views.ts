/** Members and what happened to them, in the shapes an operator is shown. Pure. */
import { MeshError } from '../../errors.ts';
import { nearestWord } from '../../nearest-word.ts';
import type { Member } from '../../transport/generated/omega/mesh/v1/Member.ts';
import type { MemberHappening } from '../../transport/generated/omega/mesh/v1/MemberHappening.ts';
import type { Happening } from '../membership/member-events.ts';
import type { MemberView } from '../membership/membership-messages.ts';
import type { SessionView } from '../peers/peer-messages.ts';

/** @param now monotonic milliseconds, on the scale of `statusSinceMs` */
export function member(view: MemberView, session: SessionView | undefined, now: number): Member {
  return {
    name: view.name,
    address: hostPort(view),
    grpcAddress: view.tags['grpc'] ?? '',
    status: view.status,
    incarnation: view.incarnation,
    isSelf: view.isSelf,
    isDegraded: view.tags['health'] === 'degraded',
    udpLost: view.isUdpLost === true,
    sinceMs: Math.max(0, now - view.statusSinceMs),
    session: session?.state ?? 'none',
    rttMs: session?.rttMs ?? -1,
    tags: { ...view.tags },
    verified: view.verified ?? '',
    quarantine: view.quarantine ?? '',
  };
}

export function memberHappening({ atMs, event }: Happening): MemberHappening {
  const { type, reason, member: name, incarnation } = event;
  return {
    atMs,
    member: name,
    type,
    reason,
    incarnation,
    accuser: 'accuser' in event ? event.accuser : '',
    address: 'address' in event ? hostPort(event.address) : '',
    claimed: 'claimed' in event ? event.claimed : '',
    probe: 'probe' in event ? { helpers: [...event.probe.helpers], stream: event.probe.stream, health: event.probe.health } : null,
    confirmations: 'confirmations' in event ? { count: event.confirmations, wanted: event.wanted } : null,
  };
}

/** More than clocks are corrected by, and less than membership takes to begin another life. */
const SAME_MS = 50;

/**
 * @param heard what the operator's room has been told, also of earlier lives of membership; some may be missing
 * @param known what the life of now knows, all of it
 */
export function wholeStory(heard: readonly Happening[], known: readonly Happening[]): readonly Happening[] {
  const [first] = known;
  return first === undefined ? heard : [...heard.filter(({ atMs }) => atMs < first.atMs - SAME_MS), ...known];
}

export function unknownMember(name: string, known: readonly string[]): MeshError {
  const nearest = nearestWord(name, known);
  return new MeshError('NOT_FOUND', `no member ${JSON.stringify(name)} is known, nor was of late`, {
    given: name,
    todo: `${nearest === undefined ? '' : `did you mean ${nearest}? `}see \`mesh members\``,
  });
}

function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
