import { expect } from 'chai';
import { eventFileOf, eventLine, isForDisk } from '../../src/data-dir/event-file.ts';

describe('the line of an event', () => {
  it('stands in a file in the log folder of the data directory', () => {
    expect(eventFileOf('/d')).to.equal('/d/log/events.jsonl');
  });
  const error = (depth: number): Parameters<typeof eventLine>[0]['error'] & object => ({
    name: 'Error',
    message: 'm'.repeat(2_000),
    stack: '\u0000'.repeat(4_000),
    ...(depth === 0 ? {} : { cause: error(depth - 1) }),
  });

  it('is not written of a first start, nor of a child of many that ended in order', () => {
    for (const type of ['start', 'restart', 'crash', 'exit', 'shutdown_error', 'escalate', 'admin']) {
      expect(isForDisk({ type, strategy: 'one_for_one' }), type).to.equal(type !== 'start');
      expect(isForDisk({ type, strategy: 'dynamic' }), `dynamic ${type}`).to.equal(type !== 'start' && type !== 'exit');
    }
  });

  it('is whole where it fits', () => {
    const event = { path: '/a', error: { name: 'Error', message: 'x', stack: 'y' } };
    expect(JSON.parse(eventLine(event))).to.deep.equal(event);
  });

  it('gives up stacks first, then all but the head of the error, and stays JSON', () => {
    const unstacked = JSON.parse(eventLine({ error: error(8) })) as { error: { stack?: string; cause?: unknown } };
    expect(unstacked.error.stack).to.equal(undefined);
    expect(unstacked.error.cause).not.to.equal(undefined);
    const cut = eventLine({ state: '\u0001'.repeat(30_000), error: error(0) });
    expect(cut.length).to.be.lessThan(32_768);
    expect((JSON.parse(cut) as { error: unknown }).error).to.deep.equal({ name: 'Error', message: 'm'.repeat(2_000) });
  });
});
