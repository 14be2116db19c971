/** Why an order to Serf was not carried out, for operators. */
import { MeshError } from '../../errors.ts';
import type { SerfOutcome } from '../membership/serf/serf-orders.ts';

const LIMITS = { event: 'at most 512 bytes with its name', query: 'at most 1024 bytes with its name and whom it is for', answer: 'at most 1024 bytes with what it is an answer to' } as const;

export function serfFault(outcome: Exclude<SerfOutcome, 'done'>, what: keyof typeof LIMITS): MeshError {
  switch (outcome) {
    case 'too-large':
      return new MeshError('TOO_LARGE', `the ${what} does not fit into a packet beside others`, { expected: LIMITS[what], todo: 'send where the rest is to be found' });
    case 'too-many':
      return new MeshError('OVERLOADED', 'this node has put 256 queries that are still open', { todo: 'wait for some to end' });
    case 'no-serf':
      return new MeshError('REFUSED', `in a mesh without Serf nobody hears an ${what === 'query' ? 'question' : what}`, { todo: 'start the nodes with --gossip-application serf, all of them' });
    case 'over':
      return new MeshError('NOT_FOUND', 'nobody waits for that answer any more', { todo: 'answer before the time of the query is up, and once' });
  }
}
