/** What an admin wants of the authority: whether it is due, and whom it would leave behind. Pure. */
import { MeshError } from '../../errors.ts';
import { stepFrom, type AuthoritySet, type AuthorityVerb } from '../../trust/authority-set.ts';

export interface AuthorityOrder {
  readonly verb: AuthorityVerb;
  readonly isForced: boolean;
}

/** What is known of the others. */
export interface Readiness {
  /** Nodes that are not known to hold the bundle as it is now. */
  readonly lagging: readonly string[];
  /** Who speaks with certificates of the authority on its way out. */
  readonly outgoing: { readonly ids: readonly string[]; readonly count: number };
}

const NAMED_MAX = 8;

/** @throws MeshError REFUSED: out of order, or too early for somebody, who is named */
export function judgeOrder({ verb, isForced }: AuthorityOrder, set: AuthoritySet, { lagging, outgoing }: Readiness): 'done' | 'due' {
  const step = stepFrom(set, verb);
  if (step === 'done' || isForced || (verb !== 'activate' && verb !== 'revoke')) return step;
  if (lagging.length > 0) {
    const what = verb === 'activate' ? 'the bundle that has the new authority' : 'that the old authority is tainted';
    throw new MeshError('REFUSED', `${counted(lagging.length, 'node is', 'nodes are')} not known to have heard ${verb === 'activate' ? `of ${what}` : what}: ${named(lagging, lagging.length)}`, {
      expected: 'all members of the mesh',
      todo: `wait until they have (\`mesh trust authority show\`), or say --force: ${verb === 'activate' ? 'they refuse what it issues until they hear of it' : 'who has no other certificate by then must join again'}`,
    });
  }
  if (verb === 'revoke' && outgoing.count > 0) {
    throw new MeshError('REFUSED', `${counted(outgoing.count, 'identity still speaks', 'identities still speak')} with certificates of the old authority: ${named(outgoing.ids, outgoing.count)}`, {
      expected: 'that all have others',
      todo: 'wait until they have (`mesh trust authority show`), or say --force: they are cut off, and must join again',
    });
  }
  return 'due';
}

function counted(count: number, one: string, many: string): string {
  return count === 1 ? `1 ${one}` : `${count} ${many}`;
}

function named(names: readonly string[], count: number): string {
  const shown = names.slice(0, NAMED_MAX);
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`;
}
