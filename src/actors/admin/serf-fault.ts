/** Why an order to Serf was not carried out, for operators. */
import { MeshError } from '../../errors.ts';
import type { SerfOutcome } from '../membership/serf/serf-orders.ts';

const WORDS = {
  event: { a: 'an event', limit: 'at most 512 bytes with its name' },
  query: { a: 'a question', limit: 'at most 1024 bytes with its name and whom it is for' },
  answer: { a: 'an answer', limit: 'at most 1024 bytes with what it is an answer to' },
  goodbye: { a: 'a goodbye', limit: 'a name of at most 255 bytes' },
} as const;

/** @param member whom the order was about, if it was about one */
export function serfFault(outcome: Exclude<SerfOutcome, 'done'>, what: keyof typeof WORDS, member = ''): MeshError {
  const { a, limit } = WORDS[what];
  switch (outcome) {
    case 'too-large':
      return new MeshError('TOO_LARGE', `the ${what} does not fit into a packet beside others`, { expected: limit, todo: 'send where the rest is to be found' });
    case 'too-many':
      return new MeshError('OVERLOADED', 'this node has put 256 queries that are still open', { todo: 'wait for some to end' });
    case 'no-serf':
      return new MeshError('REFUSED', `in a mesh without Serf nobody hears ${a}`, { todo: 'start the nodes with --gossip-application serf, all of them' });
    case 'over':
      return new MeshError('NOT_FOUND', 'nobody waits for that answer any more', { todo: 'answer before the time of the query is up, and once' });
    case 'unknown-member':
      return new MeshError('NOT_FOUND', `no member ${JSON.stringify(member)} is known`, { given: member, todo: 'see `mesh members`' });
    case 'still-here':
      return new MeshError('REFUSED', `${member} is not known to be dead, and would only say that it is here`, { given: member, todo: 'stop it where it runs, or wait until `mesh members` shows it as dead' });
  }
}
