import { expect } from 'chai';
import type { ChildSpec, SupervisorSpec } from '../../src/supervision/child-spec.ts';
import { BadSpecError, faultLine } from '../../src/supervision/spec-fault.ts';
import type { SpecFault, SpecFaultCode } from '../../src/supervision/spec-fault.ts';
import { childFaults, specFaults, specWarning } from '../../src/supervision/spec-faults.ts';
import { startWorld } from '../support/actor-world.ts';
import { puppet, supervisor } from './puppet.ts';

const faultsOf = (spec: unknown): readonly SpecFault[] => specFaults(spec as ChildSpec, '/x');
const worker = (flags: object): unknown => ({ ...puppet('w'), ...flags });
const backoff = (flags: object): unknown => worker({ backoff: { baseMs: 10, maxMs: 100, ...flags } });
const family = (flags: object): unknown => supervisor('s', 'one_for_one', [], flags);

describe('a child spec', () => {
  const bad: Record<string, [spec: unknown, fault: RegExp, code: SpecFaultCode]> = {
    'without an id': [worker({ id: undefined }), /id undefined must be 1 to 128/, 'missing_id'],
    'with an id that is no path segment': [worker({ id: 'a/b' }), /id "a\/b" must be/, 'invalid_id'],
    'with an empty id': [worker({ id: '' }), /id "" must be/, 'invalid_id'],
    'with an id of 129 characters': [worker({ id: 'x'.repeat(129) }), /must be 1 to 128/, 'invalid_id'],
    'of an unknown type': [worker({ type: 'daemon' }), /type "daemon" must be worker or supervisor/, 'invalid_child_type'],
    'without a start': [worker({ start: undefined }), /start undefined must be a function/, 'missing_start'],
    'with an unknown restart': [worker({ restart: 'always' }), /restart "always" must be one of permanent, transient, temporary/, 'invalid_restart_type'],
    'with a negative shutdown': [worker({ shutdown: -1 }), /shutdown -1 must be milliseconds/, 'invalid_shutdown'],
    'with an endless shutdown in numbers': [worker({ shutdown: Infinity }), /shutdown Infinity must be/, 'invalid_shutdown'],
    'with an unknown shutdown': [worker({ shutdown: 'kill' }), /shutdown "kill" must be/, 'invalid_shutdown'],
    'with no time to start': [worker({ startTimeoutMs: 0 }), /startTimeoutMs 0 must be > 0/, 'invalid_start_timeout'],
    'with a mailbox for nothing': [worker({ mailbox: { max: 0 } }), /mailbox.max 0 must be a whole number >= 1/, 'invalid_mailbox'],
    'with half a message in its mailbox': [worker({ mailbox: { max: 1.5 } }), /mailbox.max 1.5/, 'invalid_mailbox'],
    'with an unknown overflow': [worker({ mailbox: { overflow: 'burn' } }), /mailbox.overflow "burn" must be one of reject/, 'invalid_mailbox'],
    'with an unknown onRestart': [worker({ mailbox: { onRestart: 'burn' } }), /mailbox.onRestart "burn" must be drop or keep/, 'invalid_mailbox'],
    'with a backoff of nothing': [backoff({ baseMs: 0 }), /backoff.baseMs 0 must be > 0/, 'invalid_backoff'],
    'with a backoff that shrinks': [backoff({ factor: 0.5 }), /backoff.factor 0.5 must be >= 1/, 'invalid_backoff'],
    'with a most below its base': [backoff({ maxMs: 9 }), /backoff.maxMs 9 must be >= baseMs/, 'invalid_backoff'],
    'with a jitter over 1': [backoff({ jitter: 1.1 }), /backoff.jitter 1.1 must be from 0 to 1/, 'invalid_backoff'],
    'with a reset after nothing': [backoff({ resetAfterMs: 0 }), /backoff.resetAfterMs 0/, 'invalid_backoff'],
    'with a fraction of failures': [backoff({ consecutiveMax: 0.5 }), /backoff.consecutiveMax 0.5/, 'invalid_backoff'],
    'of an unknown strategy': [family({ strategy: 'all_for_one' }), /strategy "all_for_one" must be one of one_for_one/, 'invalid_strategy'],
    'with a negative intensity': [family({ intensity: -1 }), /intensity -1 must be a whole number >= 0/, 'invalid_intensity'],
    'with half an intensity': [family({ intensity: 0.5 }), /intensity 0.5/, 'invalid_intensity'],
    'with an endless intensity': [family({ intensity: Infinity }), /intensity Infinity/, 'invalid_intensity'],
    'with a period of 0': [family({ periodMs: 0 }), /periodMs 0 must be > 0 and finite/, 'invalid_period'],
    'with an endless period': [family({ periodMs: Infinity }), /periodMs Infinity/, 'invalid_period'],
    'with an unknown budget': [family({ budget: 'shared' }), /budget "shared" must be supervisor or child/, 'invalid_budget'],
    'with room for no children': [family({ childrenMax: 0 }), /childrenMax 0 must be/, 'invalid_children_max'],
    'with children that are no list': [family({ children: 'a, b' }), /children "a, b" must be a list/, 'invalid_children'],
    'with a child that is no spec': [family({ children: [undefined] }), /child undefined must be a child spec/, 'invalid_child_spec'],
    'with two children of one id': [family({ children: [puppet('a'), puppet('b'), puppet('a')] }), /children two of id "a" must be of different ids/, 'duplicate_child_name'],
    'with a backoff that is a number': [worker({ backoff: 200 }), /backoff 200 must be an object/, 'invalid_backoff'],
    'significant in words': [worker({ significant: 'yes' }), /significant "yes" must be true or false/, 'invalid_significant'],
    'significant and permanent': [worker({ significant: true }), /significant true of a permanent child/, 'bad_combination'],
    'with an unknown autoShutdown': [family({ autoShutdown: 'always' }), /autoShutdown "always" must be one of never/, 'invalid_auto_shutdown'],
    'significant under a supervisor that never minds': [
      family({ children: [puppet('a', { significant: true, restart: 'transient' })] }),
      /a: significant true under autoShutdown never/,
      'bad_combination',
    ],
    'dynamic and with children': [supervisor('s', 'dynamic', [], { children: [puppet('a')] }), /children 1 of a dynamic supervisor must be none/, 'bad_combination'],
  };

  for (const [what, [spec, line, code]] of Object.entries(bad)) {
    it(`${what} is refused with ${code} and what to write, and nothing else is wrong with it`, () => {
      const faults = faultsOf(spec);
      expect(faults.map((fault) => fault.code)).to.deep.equal([code]);
      expect(faultLine(faults[0]!)).to.match(line);
      expect(faults[0]!.todo).not.to.equal('');
    });
  }

  const good: Record<string, unknown> = {
    'with no more than it must': { type: 'worker', id: 'w', start: () => undefined },
    'with keys nobody knows': worker({ colour: 'blue' }),
    'with every flag': worker({ restart: 'transient', shutdown: 'infinity', startTimeoutMs: 1, mailbox: { max: 1, overflow: 'drop_oldest', onRestart: 'keep' }, backoff: { baseMs: 1, maxMs: 1, factor: 1, jitter: 0, resetAfterMs: 1, consecutiveMax: 0 } }),
    'significant under a supervisor that minds': supervisor('s', 'one_for_one', [puppet('a', { significant: true, restart: 'temporary' })], { autoShutdown: 'any_significant' }),
    'of a supervisor without children': { type: 'supervisor', id: 's', strategy: 'rest_for_one' },
    'of a dynamic supervisor': supervisor('s', 'dynamic', [], { intensity: 0, periodMs: 1, budget: 'supervisor', childrenMax: 1 }),
  };

  for (const [what, spec] of Object.entries(good)) it(`${what} can be run`, () => expect(faultsOf(spec)).to.deep.equal([]));

  it('tells all its faults, with the path of each', () => {
    const tree = supervisor('s', 'one_for_one', [supervisor('room', 'one_for_all', [puppet('bad', { shutdown: -1 })], { periodMs: 0 }), puppet('w', { startTimeoutMs: -1 })], { intensity: -1 });
    expect(specFaults(tree, '/').map(({ at, field }) => `${at}: ${field}`)).to.deep.equal(['/: intensity', '/room: periodMs', '/room/bad: shutdown', '/w: startTimeoutMs']);
  });

  it('that is refused says for each fault where, what was given, what is expected and what to write', () => {
    const faults = faultsOf(worker({ id: 'a/b', shutdown: -1 }));
    expect(faults[1]).to.deep.equal({
      code: 'invalid_shutdown',
      at: '/x',
      field: 'shutdown',
      given: '-1',
      expected: 'milliseconds >= 0, brutal_kill or infinity',
      todo: "shutdown: 5_000, 'infinity' (waits) or 'brutal_kill' (does not ask)",
    });
    expect(new BadSpecError(faults).message.split('\n')).to.deep.equal(faults.map(faultLine));
  });

  describe('whose delays spread failures over more than the period', () => {
    const limit = supervisor('s', 'one_for_one', [], { intensity: 3, periodMs: 1_000 });
    const faults = (flags: object, under: SupervisorSpec = limit): readonly SpecFault[] => childFaults(backoff({ jitter: 0, ...flags }) as ChildSpec, under, '/');

    it('would fail for ever and is refused', () => {
      expect(faults({ baseMs: 400, factor: 1, maxMs: 400 })).to.have.length(1);
      expect(faultLine(faults({ baseMs: 400, factor: 1, maxMs: 400 })[0]!)).to.match(/spreads 4 failures over 1200 ms.*consecutiveMax/);
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

  it('of a transient supervisor can be run, with a warning: giving up is no failure, so it stays down', async () => {
    const room = (flags: object): SupervisorSpec => supervisor('room', 'one_for_one', [], { restart: 'transient', ...flags });
    expect(specWarning(room({}))).to.match(/stays down/);
    for (const fine of [room({ restart: 'permanent' }), room({ significant: true }), puppet('a', { restart: 'transient' })]) expect(specWarning(fine)).to.equal(undefined);
    const world = await startWorld({ children: [room({}), puppet('a')] });
    expect(world.log.filter(({ event }) => event === 'spec-warning').map(({ level, fields }) => [level, fields.actor])).to.deep.equal([['warn', '/room']]);
    await world.stop();
  });

  it('with ten thousand children is checked in no time', () => {
    const children = Array.from({ length: 10_000 }, (_, number) => puppet(`c${number}`));
    const before = performance.now();
    expect(specFaults(supervisor('s', 'one_for_one', children), '/')).to.deep.equal([]);
    expect(performance.now() - before).to.be.lessThan(500);
  });
});
