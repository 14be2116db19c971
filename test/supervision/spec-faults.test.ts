import { expect } from 'chai';
import type { ChildSpec, SupervisorSpec } from '../../src/supervision/child-spec.ts';
import { childFaults, specFaults } from '../../src/supervision/spec-faults.ts';
import { puppet, supervisor } from './puppet.ts';

const faultsOf = (spec: unknown): readonly string[] => specFaults(spec as ChildSpec, '/x');
const worker = (flags: object): unknown => ({ ...puppet('w'), ...flags });
const backoff = (flags: object): unknown => worker({ backoff: { baseMs: 10, maxMs: 100, ...flags } });
const family = (flags: object): unknown => supervisor('s', 'one_for_one', [], flags);

describe('a child spec', () => {
  const bad: Record<string, [spec: unknown, fault: RegExp]> = {
    'without an id': [worker({ id: undefined }), /id undefined must be 1 to 128/],
    'with an id that is no path segment': [worker({ id: 'a/b' }), /id "a\/b" must be/],
    'with an empty id': [worker({ id: '' }), /id "" must be/],
    'with an id of 129 characters': [worker({ id: 'x'.repeat(129) }), /must be 1 to 128/],
    'of an unknown type': [worker({ type: 'daemon' }), /type "daemon" must be worker or supervisor/],
    'without a start': [worker({ start: undefined }), /start undefined must be a function/],
    'with an unknown restart': [worker({ restart: 'always' }), /restart "always" must be one of permanent, transient, temporary/],
    'with a negative shutdown': [worker({ shutdown: -1 }), /shutdown -1 must be milliseconds/],
    'with an endless shutdown in numbers': [worker({ shutdown: Infinity }), /shutdown Infinity must be/],
    'with an unknown shutdown': [worker({ shutdown: 'kill' }), /shutdown "kill" must be/],
    'with no time to start': [worker({ startTimeoutMs: 0 }), /startTimeoutMs 0 must be > 0/],
    'with a mailbox for nothing': [worker({ mailbox: { max: 0 } }), /mailbox.max 0 must be a whole number >= 1/],
    'with half a message in its mailbox': [worker({ mailbox: { max: 1.5 } }), /mailbox.max 1.5/],
    'with an unknown overflow': [worker({ mailbox: { overflow: 'burn' } }), /mailbox.overflow "burn" must be one of reject/],
    'with an unknown onRestart': [worker({ mailbox: { onRestart: 'burn' } }), /mailbox.onRestart "burn" must be drop or keep/],
    'with a backoff of nothing': [backoff({ baseMs: 0 }), /backoff.baseMs 0 must be > 0/],
    'with a backoff that shrinks': [backoff({ factor: 0.5 }), /backoff.factor 0.5 must be >= 1/],
    'with a most below its base': [backoff({ maxMs: 9 }), /backoff.maxMs 9 must be >= baseMs/],
    'with a jitter over 1': [backoff({ jitter: 1.1 }), /backoff.jitter 1.1 must be from 0 to 1/],
    'with a reset after nothing': [backoff({ resetAfterMs: 0 }), /backoff.resetAfterMs 0/],
    'with a fraction of failures': [backoff({ consecutiveMax: 0.5 }), /backoff.consecutiveMax 0.5/],
    'of an unknown strategy': [family({ strategy: 'all_for_one' }), /strategy "all_for_one" must be one of one_for_one/],
    'with a negative intensity': [family({ intensity: -1 }), /intensity -1 must be a whole number >= 0/],
    'with half an intensity': [family({ intensity: 0.5 }), /intensity 0.5/],
    'with an endless intensity': [family({ intensity: Infinity }), /intensity Infinity/],
    'with a period of 0': [family({ periodMs: 0 }), /periodMs 0 must be > 0 and finite/],
    'with an endless period': [family({ periodMs: Infinity }), /periodMs Infinity/],
    'with an unknown budget': [family({ budget: 'shared' }), /budget "shared" must be supervisor or child/],
    'with room for no children': [family({ childrenMax: 0 }), /childrenMax 0 must be/],
    'with children that are no list': [family({ children: 'a, b' }), /children must be a list/],
    'with a child that is no spec': [family({ children: [undefined] }), /undefined is not a child spec/],
    'with two children of one id': [family({ children: [puppet('a'), puppet('b'), puppet('a')] }), /child ids must differ: a stands twice/],
    'dynamic and with children': [supervisor('s', 'dynamic', [], { children: [puppet('a')] }), /starts without children/],
  };

  for (const [what, [spec, fault]] of Object.entries(bad)) {
    it(`${what} is refused, and nothing else is wrong with it`, () => {
      expect(faultsOf(spec)).to.have.length(1);
      expect(faultsOf(spec)[0]).to.match(fault);
    });
  }

  const good: Record<string, unknown> = {
    'with no more than it must': { type: 'worker', id: 'w', start: () => undefined },
    'with keys nobody knows': worker({ colour: 'blue' }),
    'with every flag': worker({ restart: 'transient', shutdown: 'infinity', startTimeoutMs: 1, mailbox: { max: 1, overflow: 'drop_oldest', onRestart: 'keep' }, backoff: { baseMs: 1, maxMs: 1, factor: 1, jitter: 0, resetAfterMs: 1, consecutiveMax: 0 } }),
    'of a supervisor without children': { type: 'supervisor', id: 's', strategy: 'rest_for_one' },
    'of a dynamic supervisor': supervisor('s', 'dynamic', [], { intensity: 0, periodMs: 1, budget: 'supervisor', childrenMax: 1 }),
  };

  for (const [what, spec] of Object.entries(good)) it(`${what} can be run`, () => expect(faultsOf(spec)).to.deep.equal([]));

  it('tells all its faults, with the path of each', () => {
    const tree = supervisor('s', 'one_for_one', [supervisor('room', 'one_for_all', [puppet('bad', { shutdown: -1 })], { periodMs: 0 }), puppet('w', { startTimeoutMs: -1 })], { intensity: -1 });
    expect(specFaults(tree, '/').map((fault) => fault.slice(0, fault.indexOf(' ', fault.indexOf(' ') + 1)))).to.deep.equal(['/: intensity', '/room: periodMs', '/room/bad: shutdown', '/w: startTimeoutMs']);
  });

  describe('whose delays spread failures over more than the period', () => {
    const limit = supervisor('s', 'one_for_one', [], { intensity: 3, periodMs: 1_000 });
    const faults = (flags: object, under: SupervisorSpec = limit): readonly string[] => childFaults(backoff({ jitter: 0, ...flags }) as ChildSpec, under, '/');

    it('would fail for ever and is refused', () => {
      expect(faults({ baseMs: 400, factor: 1, maxMs: 400 })).to.have.length(1);
      expect(faults({ baseMs: 400, factor: 1, maxMs: 400 })[0]).to.match(/spreads 4 failures over 1200 ms.*consecutiveMax/);
      expect(specFaults(supervisor('s', 'one_for_one', [backoff({ baseMs: 4_000, maxMs: 4_000 }) as ChildSpec]), '/')).to.have.length(1);
    });

    it('is taken when it gives up after failures in a row, or when the delays fit', () => {
      expect(faults({ baseMs: 400, factor: 1, maxMs: 400, consecutiveMax: 5 })).to.deep.equal([]);
      expect(faults({ baseMs: 300, factor: 1, maxMs: 400 })).to.deep.equal([]);
    });

    it('is judged by the least that jitter makes of them', () => {
      expect(faults({ baseMs: 400, factor: 1, maxMs: 400, jitter: 0.5 })).to.deep.equal([]);
    });
  });

  it('with ten thousand children is checked in no time', () => {
    const children = Array.from({ length: 10_000 }, (_, number) => puppet(`c${number}`));
    const before = performance.now();
    expect(specFaults(supervisor('s', 'one_for_one', children), '/')).to.deep.equal([]);
    expect(performance.now() - before).to.be.lessThan(500);
  });
});
