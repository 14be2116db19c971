/** What admins want of the ban list: asked of the actor that has it, and shaped for showing. */
import { MeshError } from '../../errors.ts';
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { BanHandler } from '../../transport/ban-service.ts';
import { BAN_KINDS, type BanEntry } from '../../trust/ban-entry.ts';
import type { BanDone, BansRequest, BansView } from '../trust/ban-messages.ts';
import { askerShown } from './path-faults.ts';
import { answered, ROOM_TIMEOUT_MS } from './room-answer.ts';

/** As they travel, for members that ask for them. @throws MeshError OVERLOADED */
export async function banEntries(bans: ActorRef<BansRequest>): Promise<readonly BanEntry[]> {
  const view = await answered(bans.ask((reply: Reply<BansView>) => ({ kind: 'list', reply }), ROOM_TIMEOUT_MS));
  return view.bans.map(({ ban }) => ban.entry);
}

export function banRequests(bans: ActorRef<BansRequest>): BanHandler {
  return {
    issueBan({ kind: given, subject, reason, force: isForced, by }, caller) {
      const kind = BAN_KINDS.find((known) => known === given);
      if (kind === undefined) return Promise.reject(new MeshError('BAD_ARGUMENT', `the kind is ${JSON.stringify(given)}`, { given, expected: BAN_KINDS.join(', ') }));
      const order = { kind, subject, reason, isForced, by: askerShown(by), admin: caller?.id };
      return answered(bans.ask((reply: Reply<BanDone | MeshError>) => ({ kind: 'order', order, reply }), ROOM_TIMEOUT_MS));
    },

    async listBans() {
      const view = await answered(bans.ask((reply: Reply<BansView>) => ({ kind: 'list', reply }), ROOM_TIMEOUT_MS));
      const newestFirst = [...view.bans].sort((a, b) => b.ban.claim.epochMs - a.ban.claim.epochMs);
      return { bans: newestFirst.map(({ ban: { claim: { subject, kind, reason, by, epochMs }, issuer }, counts }) => ({ subject, kind, reason, by, epochMs, issuer, counts })), digest: view.digest, waiting: [...view.waiting] };
    },
  };
}
