import { expect } from 'chai';
import type { ExitReason } from '../../src/supervision/behavior.ts';
import { RESTARTS, STRATEGIES } from '../../src/supervision/child-spec.ts';
import type { Restart, Strategy } from '../../src/supervision/child-spec.ts';
import { isRestarted, restartGroup } from '../../src/supervision/restart.ts';

const error = { name: 'Error', message: 'boom' };
const REASONS: Record<ExitReason['kind'], ExitReason> = {
  normal: { kind: 'normal' },
  shutdown: { kind: 'shutdown', info: 'why' },
  killed: { kind: 'killed' },
  error: { kind: 'error', error },
  start_failed: { kind: 'start_failed', error },
  noproc: { kind: 'noproc' },
};

const RESTARTED: Record<Restart, readonly string[]> = {
  permanent: Object.keys(REASONS),
  transient: ['killed', 'error', 'start_failed', 'noproc'],
  temporary: [],
};

const ORDER = ['a', 'b', 'c', 'd'];

const GROUPS: Record<Strategy, Record<string, readonly string[]>> = {
  one_for_one: { a: ['a'], b: ['b'], d: ['d'] },
  dynamic: { a: ['a'], b: ['b'], d: ['d'] },
  one_for_all: { a: ORDER, b: ORDER, d: ORDER },
  rest_for_one: { a: ORDER, b: ['b', 'c', 'd'], d: ['d'] },
};

describe('the rules of restarts', () => {
  for (const restart of RESTARTS) {
    for (const [kind, reason] of Object.entries(REASONS)) {
      const isBack = RESTARTED[restart].includes(kind);
      it(`a ${restart} child is ${isBack ? '' : 'not '}restarted after ${kind}`, () => expect(isRestarted(restart, reason)).to.equal(isBack));
    }
  }

  for (const strategy of STRATEGIES) {
    for (const [failed, group] of Object.entries(GROUPS[strategy])) {
      it(`${strategy} replaces ${group.join(', ')} when ${failed} of a, b, c, d fails`, () => expect(restartGroup(strategy, ORDER, failed)).to.deep.equal(group));
    }
  }
});
