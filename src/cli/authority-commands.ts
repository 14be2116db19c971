/** Commands about the authority: how it stands, and how another takes its place while the mesh runs. */
import type { AuthorityReply__Output } from '../transport/generated/omega/mesh/v1/AuthorityReply.ts';
import { AUTHORITY_VERBS, type AuthorityVerb } from '../trust/authority-set.ts';
import type { Call, CommandSpec, OptionSpec } from './command.ts';
import { counted } from './counted.ts';
import { DONE } from './exit-code.ts';
import { formatTable } from './format-table.ts';
import { printable } from './paint.ts';
import { moment } from './views.ts';

const SUMMARY: Readonly<Record<AuthorityVerb, string>> = {
  prepare: 'step 1 of changing the authority: make another one, and let all nodes and agents believe it; it issues nothing yet',
  activate: 'step 2: let it issue from now on; refused while a node is not known to believe it',
  taint: 'step 3: whoever has a certificate of the old one gets another, within seconds; the old one is still believed',
  revoke: 'step 4: believe the old one no more, and forget its key; refused while somebody still speaks with its certificates',
};

/** Of what was done, and of what stood so already. */
const WORDS: Readonly<Record<AuthorityVerb, { readonly changed: string; readonly unchanged: string; readonly next: string }>> = {
  prepare: { changed: 'made another authority', unchanged: 'another authority is prepared already', next: 'when all believe it: mesh trust authority activate' },
  activate: { changed: 'the new authority issues from now on', unchanged: 'the new authority issues already', next: 'to have all certificates replaced now: mesh trust authority taint' },
  taint: { changed: 'all certificates of the old authority are being replaced', unchanged: 'the old authority is tainted already', next: 'when nobody uses it any more: mesh trust authority revoke' },
  revoke: { changed: 'the old authority is believed no more', unchanged: 'there is no old authority', next: 'take the copy of the old key away too, and keep one of the new' },
};

const OPTIONS: Readonly<Record<AuthorityVerb, readonly OptionSpec[]>> = {
  prepare: [],
  activate: [{ flags: '--force', summary: 'also when nodes have not heard of it: they refuse what it issues until they do' }],
  taint: [],
  revoke: [{ flags: '--force', summary: 'also when certificates of it are in use: they are cut off, and must join again' }],
};

export const AUTHORITY_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'trust authority show',
    summary: 'show the authorities that are believed, who still uses one that is on its way out, and which nodes have not heard of the last step',
    example: 'mesh trust authority show',
    run: async (call) => {
      const shown = await call.ask((admin) => admin.showAuthority({}));
      call.answer(viewOf(shown), () => linesOf(shown, call));
      return DONE;
    },
  },
  ...AUTHORITY_VERBS.map((verb): CommandSpec => ({
    words: `trust authority ${verb}`,
    summary: `${SUMMARY[verb]}; on a node that holds the authority, may be repeated`,
    options: OPTIONS[verb],
    example: `mesh trust authority ${verb}`,
    run: (call) => change(call, verb),
  })),
];

async function change(call: Call, verb: AuthorityVerb): Promise<number> {
  const changed = await call.ask((admin) => admin.changeAuthority({ verb, force: call.options['force'] === true }));
  const { changed: done, unchanged, next } = WORDS[verb];
  call.answer({ ...viewOf(changed), outcome: changed.outcome }, () => [changed.outcome === 'changed' ? done : unchanged, ...linesOf(changed, call)]);
  call.remark(next);
  return DONE;
}

function viewOf({ trustDomain, sequence, isHere, authorities, lagging }: AuthorityReply__Output): Readonly<Record<string, unknown>> {
  return {
    trustDomain,
    sequence,
    isHere,
    authorities: authorities.map(({ pin, state, notAfterMs, users, userCount }) => ({ pin, state, notAfter: moment(notAfterMs), users, userCount })),
    lagging,
  };
}

function linesOf({ authorities, lagging }: AuthorityReply__Output, { paint, width }: Call): readonly string[] {
  const rows = authorities.map(({ pin, state, notAfterMs, users, userCount }) => {
    const more = userCount > users.length ? ` and ${userCount - users.length} more` : '';
    return [printable(pin), state === 'tainted' ? paint.red(state) : state, moment(notAfterMs), userCount === 0 ? '' : `${users.map((id) => printable(id.replace(/^spiffe:\/\/[^/]*\//, ''))).join(', ')}${more}`];
  });
  const table = formatTable([{ head: 'AUTHORITY' }, { head: 'STATE' }, { head: 'UNTIL' }, { head: 'STILL USED BY' }], rows, paint, width);
  return lagging.length === 0 ? table : [...table, `${counted(lagging.length, 'node')} not known to have heard of this: ${lagging.map(printable).join(', ')}`];
}
