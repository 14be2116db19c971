import { expect } from 'chai';
import type { EventRecord } from '../../src/cli/event-record.ts';
import { formatWhy, wrapped } from '../../src/cli/format-why.ts';
import { whyFacts } from '../../src/cli/why.ts';
import type { NowFacts, WhyQuestion } from '../../src/cli/why.ts';

const AT = Date.parse('2026-01-01T00:00:00.000Z');
const NOW: NowFacts = { status: 'running', life: 2, restarts: 1, uptimeMs: 60_000, mailbox: 0, processed: 7 };

let sequence = 0;
beforeEach(() => void (sequence = 0));

function record(type: string, path: string, more: Partial<EventRecord> = {}): EventRecord {
  const none = { error: null, during: null, state: null, mailbox: null, processed: null, uptimeMs: null, supervisor: null, strategy: null, restart: null, context: null, decision: null, delayMs: 0, budget: null, takenAlong: null };
  return { boot: 'b1', sequence: ++sequence, atMs: AT, type, path, life: 1, reason: type, ...none, ...more };
}

const budget = (used: number, usedBefore = used - 1): Pick<EventRecord, 'budget'> => ({ budget: { usedBefore, used, intensity: 3, periodMs: 5_000 } });
const moments = { during: 'receive put', state: '{"a":1}', mailbox: 2, processed: 40, uptimeMs: 3_000 };
const judged = { supervisor: '/room', strategy: 'one_for_one', restart: 'permanent', context: 'child_terminated', decision: 'restart', ...budget(1) };
const error = (message: string, cause: EventRecord['error'] = null): EventRecord['error'] => ({ name: 'TypeError', message, code: null, stack: 'at x', cause });

function why(records: EventRecord[], more: Partial<WhyQuestion> = {}): { kind: string | undefined; text: string } {
  const facts = whyFacts({ path: '/room/a', records, now: NOW, boot: 'b1', atMs: AT + 90_000, ...more });
  return { kind: facts?.kind, text: facts === undefined ? '' : formatWhy(facts) };
}

const crash = (more: Partial<EventRecord> = {}): EventRecord =>
  record('crash', '/room/a', { reason: 'TypeError: x', error: error('x', { name: 'Error', message: 'the disk is full', code: 'ENOSPC', stack: null, cause: null }), ...moments, ...judged, ...more });
const restart = (more: Partial<EventRecord> = {}): EventRecord => record('restart', '/room/a', { life: 2, atMs: AT + 40, ...more });

const gaveUp = (atMs: number): EventRecord[] => [
  record('crash', '/room', { atMs, supervisor: '/', decision: 'escalate' }),
  record('exit', '/', { atMs, reason: 'shutdown (reached_max_restart_intensity)' }),
];

describe('why an actor ended', () => {
  it('a crash: over what, at what, by whose decision and by which rule, and how it is now', () => {
    const { kind, text } = why([crash(), restart()]);
    expect(kind).to.equal('crash');
    expect(text).to.equal(
      '/room/a, life 1, crashed 1m 30s ago (2026-01-01T00:00:00.000Z) in receive put: TypeError: x, caused by the disk is full (ENOSPC). ' +
        'It had lived for 3s and handled 40 messages; 2 waited. ' +
        'Its supervisor /room (one_for_one) restarted it at once, for it is permanent (restart 1 of 3 that are allowed in 5s). ' +
        'It was up again 40ms later. It has run for 1m 00s (life 2, 7 messages handled, 0 waiting). ' +
        'Next: `mesh why /room/a --json` has the stack and the state, `mesh history /room/a` what came before.',
    );
  });

  it('a crash that took siblings along, and waited', () => {
    const { text } = why([crash({ strategy: 'rest_for_one', decision: 'backoff', delayMs: 400, takenAlong: { count: 12, first: ['/room/b', '/room/c'] } })]);
    expect(text).to.include('restarted it after 400ms, for it is permanent (restart 1 of 3 that are allowed in 5s), and 12 siblings with it: /room/b, /room/c, ….');
  });

  it('crashes that repeat: how often, and that it is the same each time', () => {
    const { text } = why([crash({ atMs: AT - 30_000 }), crash(), crash()]);
    expect(text).to.include('It has ended 3 times in the last 2m 00s, always so.').and.to.include('It fails the same way each time');
    expect(why([crash({ reason: 'other' }), crash(), crash()]).text).to.include('It has ended 3 times in the last 1m 30s: 2 × for this reason; 1 × other.');
  });

  it('a kill by an operator: who, and that nothing needs mending', () => {
    const { kind, text } = why([record('admin', '/room/a', { reason: 'kill asked by operator' }), crash({ reason: 'killed by operator', error: null, during: 'idle' }), restart()]);
    expect(kind).to.equal('killed');
    expect(text).to.match(/^\/room\/a, life 1, was killed 1m 30s ago \(\S+\) by operator\. /).and.to.include('Nothing in it needs mending.');
  });

  it('a start that failed', () => {
    const { kind, text } = why([crash({ reason: 'start failed: TypeError: x', during: 'init', context: 'start_error', decision: 'escalate', ...budget(0, 0) })], { now: { ...NOW, status: 'stopped' } });
    expect(kind).to.equal('start_failure');
    expect(text).to.include('could not start').and.to.include('/room (one_for_one) was starting itself and gave up over it.').and.to.include('It is stopped').and.to.include('give it what it asks for');
  });

  it('a supervisor that gave up: over which child, past which budget', () => {
    const straw = crash({ decision: 'escalate', ...budget(4) });
    const records = [straw, record('escalate', '/room', { reason: 'gives up over /room/a' }), record('exit', '/room', { reason: 'shutdown (reached_max_restart_intensity)', ...judged, supervisor: '/' })];
    const { kind, text } = why(records, { path: '/room' });
    expect(kind).to.equal('gave_up');
    expect(text).to.include('gave up').and.to.include('over its child /room/a').and.to.include('restart 4 of 3').and.to.include('Next: `mesh why /room/a`.');
    expect(why(records).text).to.include('Its supervisor /room (one_for_one) gave up over it (restart 4 of 3 that are allowed in 5s).');
    expect(why(records.slice(0, 2), { path: '/room', now: null, boot: undefined }).text).to.include('gave up').and.to.include('The node does not run now.');
  });

  it('a hang past shutdown: what it hung at', () => {
    const { kind, text } = why([record('shutdown_error', '/room/a', { reason: 'killed by shutdown timeout', ...moments, ...judged, context: 'shutdown_error', decision: 'stop', ...budget(0, 0) })], { now: null });
    expect(kind).to.equal('hung');
    expect(text).to.include('it hung in receive put').and.to.include('had asked it to').and.to.include('There is no such actor now.').and.to.include('`shutdown` time');
  });

  it('a failure while it was to stop', () => {
    expect(why([record('shutdown_error', '/room/a', { reason: 'TypeError: x', error: error('x'), ...judged, context: 'shutdown_error', decision: 'stop' })]).kind).to.equal('failed_stopping');
  });

  it('an end in good order, of a child that is not to come back', () => {
    const { kind, text } = why([record('exit', '/room/a', { reason: 'normal', ...judged, restart: 'transient', decision: 'stop', ...budget(0, 0) })], { now: { ...NOW, status: 'stopped' } });
    expect(kind).to.equal('exit');
    expect(text).to.include('ended by itself').and.to.include('let it go, for it is transient.');
  });

  it('nobody’s failure of its own: who took it along', () => {
    const sibling = record('crash', '/room/b', { ...judged, reason: 'boom', strategy: 'one_for_all', takenAlong: { count: 1, first: ['/room/a'] } });
    const { kind, text } = why([sibling, restart()]);
    expect(kind).to.equal('taken_along');
    expect(text).to.include('/room/a did not fail: it was started anew as life 2').and.to.include('because of /room/b: boom.').and.to.include('Next: `mesh why /room/b`.');
    expect(why([record('crash', '/room', { reason: 'killed by operator', supervisor: '/' }), restart()]).text).to.include('because of /room: killed by operator.');
    expect(why([record('crash', '/other', { reason: 'no', supervisor: '/', strategy: 'one_for_one' }), restart()]).text).to.include('for a reason that is not kept any more');
  });

  it('is not what an operator did that ends nobody', () => {
    const sibling = record('crash', '/room/b', { ...judged, reason: 'boom', strategy: 'one_for_all', takenAlong: { count: 1, first: ['/room/a'] } });
    const storm = record('admin', '/', { reason: 'storm of seed 7 for 2000 ms at 20 a second asked by ada' });
    const { kind, text } = why([sibling, storm, record('admin', '/room/a', { reason: 'hang for 1000 ms asked by ada' }), restart()]);
    expect(kind).to.equal('taken_along');
    expect(text).to.include('because of /room/b: boom.');
  });

  it('a restart that an operator asked for', () => {
    const { kind, text } = why([record('admin', '/room/a', { reason: 'restart asked by operator' }), restart()]);
    expect(kind).to.equal('restarted');
    expect(text).to.include('was started anew 1m 30s ago').and.to.include('restart asked by operator');
  });

  it('a stop by an operator, also of what it stands below: who, how it is started again, and its ends before', () => {
    const stopped = { now: { ...NOW, status: 'stopped' } };
    const { kind, text } = why([crash(), restart(), record('admin', '/room/a', { reason: 'stop asked by ada' })], stopped);
    expect(kind).to.equal('stopped');
    expect(text).to.match(/^\/room\/a was stopped 1m 30s ago \(\S+\) by ada\. It has ended once in the last 1m 30s: 1 × TypeError: x\. It is stopped/).and.to.match(/Next: `mesh start \/room\/a`\.$/);
    expect(why([crash(), restart(), record('admin', '/room', { reason: 'stop asked by ada' })], stopped).text).to.match(/^\/room\/a was stopped with \/room 1m 30s ago .* by ada\..*Next: `mesh start \/room`\.$/);
    expect(why([crash(), restart(), record('admin', '/rooms', { reason: 'stop asked by ada' })], stopped).kind).to.equal('crash');
    expect(why([record('admin', '/room/a', { reason: 'stop asked by ada' }), record('admin', '/room/a', { reason: 'start asked by ada' }), crash()], stopped).kind).to.equal('crash');
    expect(why([record('admin', '/room/a', { reason: 'stop asked by ada' })], { ...stopped, boot: 'b2' }).kind).to.equal('never');
  });

  it('a suspension by an operator: who, and how it ends', () => {
    const records = [record('admin', '/room/a', { reason: 'suspend asked by ada' })];
    const { kind, text } = why(records, { now: { ...NOW, status: 'suspended' } });
    expect(kind).to.equal('suspended');
    expect(text).to.match(/^\/room\/a was suspended 1m 30s ago \(\S+\) by ada: its messages wait\. It is suspended.*Next: `mesh resume \/room\/a`\.$/);
    expect(why(records).kind).to.equal('never');
  });

  it('an end in an earlier run of the node says so', () => {
    const { text } = why([crash()], { boot: 'b2', now: { ...NOW, life: 1 } });
    expect(text).to.include('in an earlier run of the node, b1').and.to.include('In this run of the node it has not ended: it has run for 1m 00s (life 1');
  });

  it('the end of the node’s process, of which only its keeper knows', () => {
    const crash = { atMs: AT, exitCode: 137, signal: 'SIGKILL', uptimeMs: 8_000, decision: 'restart', why: '1 of 10 restarts in 10 min', delayMs: 198 };
    const root = { path: '/', boot: 'b2', now: { ...NOW, life: 1 }, crash };
    const { kind, text } = why(gaveUp(AT - 20_000), root);
    expect(kind).to.equal('process_end');
    expect(text).to.equal(
      'The process of the node ended 1m 30s ago (2026-01-01T00:00:00.000Z) with SIGKILL, after 8s. Its keeper started it again after 198ms: 1 of 10 restarts in 10 min. ' +
        'In this run of the node it has not ended: it has run for 1m 00s (life 1, 7 messages handled, 0 waiting). ' +
        'Next: `crash.json` in its data directory has its last words, `mesh history` what came before.',
    );
    expect(why([], { ...root, now: null, boot: undefined, crash: { ...crash, signal: null, exitCode: 73, delayMs: null } }).text).to.include('with exit code 73, after 8s. Its keeper did not start it again').and.to.include('The node does not run now.');
    expect(why(gaveUp(AT - 100), root).kind, 'where the root said why itself').to.equal('gave_up');
  });

  it('an actor that never ended', () => {
    expect(why([])).to.deep.equal({ kind: 'never', text: '/room/a has not ended, as far back as is known. It has run for 1m 00s (life 2, 7 messages handled, 0 waiting).' });
  });

  it('a path that was never heard of has no facts', () => {
    expect(why([], { now: null }).kind).to.equal(undefined);
  });

  it('shows control characters of what others wrote, and does not obey them', () => {
    expect(why([crash({ error: error('\u001b[2Jx'), during: 'receive \u0007' })]).text).to.include('TypeError: \\u001b[2Jx').and.to.include('receive \\u0007');
  });

  it('is wrapped at words', () => {
    expect(wrapped('one two three four', 9)).to.deep.equal(['one two', 'three', 'four']);
    expect(wrapped('extraordinary', 3)).to.deep.equal(['extraordinary']);
  });
});
