/** What admins want of the authority: asked of the actor that keeps the bundle, and shaped for showing. */
import { MeshError } from '../../errors.ts';
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { AuthorityHandler } from '../../transport/authority-service.ts';
import type { AuthorityReply } from '../../transport/generated/omega/mesh/v1/AuthorityReply.ts';
import { AUTHORITY_VERBS } from '../../trust/authority-set.ts';
import { validity } from '../../trust/svid.ts';
import type { AuthorityChanged, AuthorityRequest, AuthorityView } from '../trust/authority-messages.ts';
import { answered } from './room-answer.ts';

/** The room asks another one, and makes a key with a library that it loads for that. */
const ROOM_TIMEOUT_MS = 6_000;

export function authorityRequests(bundles: ActorRef<AuthorityRequest>): AuthorityHandler {
  return {
    async showAuthority() {
      return shown(await answered(bundles.ask((reply: Reply<AuthorityView | MeshError>) => ({ kind: 'show-authority', reply }), ROOM_TIMEOUT_MS)), '');
    },

    async changeAuthority({ verb: given, force: isForced }) {
      const verb = AUTHORITY_VERBS.find((known) => known === given);
      if (verb === undefined) throw new MeshError('BAD_ARGUMENT', `the verb is ${JSON.stringify(given)}`, { given, expected: AUTHORITY_VERBS.join(', ') });
      const order = { verb, isForced };
      const changed = await answered(bundles.ask((reply: Reply<AuthorityChanged | MeshError>) => ({ kind: 'change-authority', order, reply }), ROOM_TIMEOUT_MS));
      return shown(changed, changed.outcome);
    },
  };
}

function shown({ trustDomain, sequence, isHere, authorities, outgoing, lagging }: AuthorityView, outcome: string): AuthorityReply {
  return {
    trustDomain,
    sequence,
    isHere,
    outcome,
    authorities: authorities.map(({ pin, state, certificate }) => {
      const isGoing = state === 'old' || state === 'tainted';
      return { pin, state, notAfterMs: validity(certificate).notAfterMs, users: isGoing ? [...outgoing.ids] : [], userCount: isGoing ? outgoing.count : 0 };
    }),
    lagging: [...lagging],
  };
}
