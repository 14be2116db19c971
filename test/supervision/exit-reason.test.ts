import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { errorLine, isAbnormal, reasonLine, toErrorInfo } from '../../src/supervision/exit-reason.ts';

describe('an exit reason', () => {
  it('is abnormal when nobody asked for it', () => {
    const error = toErrorInfo(new Error('boom'));
    expect([{ kind: 'error', error } as const, { kind: 'killed' } as const, { kind: 'start_failed', error } as const, { kind: 'noproc' } as const].every(isAbnormal)).to.equal(true);
    expect([{ kind: 'normal' } as const, { kind: 'shutdown' } as const].some(isAbnormal)).to.equal(false);
  });

  it('reads as one line', () => {
    const error = toErrorInfo(new TypeError('no such thing', { cause: new Error('the disk is full') }));
    expect(reasonLine({ kind: 'error', error })).to.equal('TypeError: no such thing ← the disk is full');
    expect(reasonLine({ kind: 'start_failed', error })).to.equal('start failed: TypeError: no such thing ← the disk is full');
    expect(reasonLine({ kind: 'shutdown', info: 'done' })).to.equal('shutdown (done)');
    expect(reasonLine({ kind: 'killed', by: 'operator' })).to.equal('killed by operator');
    expect(['normal', 'noproc', 'shutdown', 'killed'].map((kind) => reasonLine({ kind } as never))).to.deep.equal(['normal', 'noproc', 'shutdown', 'killed']);
  });
});

describe('an error as data', () => {
  it('keeps its name, code, stack and causes', () => {
    const info = toErrorInfo(new MeshError('BAD_CONFIG', 'wrong', { cause: new Error('why') }));
    expect(info).to.deep.include({ name: 'MeshError', message: 'wrong', code: 'BAD_CONFIG' });
    expect(info.stack).to.match(/exit-reason.test/);
    expect(info.cause?.message).to.equal('why');
    expect(errorLine(info)).to.equal('wrong ← why');
  });

  it('ends a circle of causes', () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    let depth = 0;
    for (let info = toErrorInfo(error); info.cause !== undefined; info = info.cause) depth++;
    expect(depth).to.equal(8);
  });

  it('is told of whatever was thrown, also of what throws when it is looked at', () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const liar = Object.defineProperty(new Error('x'), 'message', { get: boom });
    expect(toErrorInfo(liar)).to.deep.equal({ name: 'Error', message: 'an error that cannot be shown' });
    expect(toErrorInfo(new Proxy(new Error('x'), { get: boom, has: boom, getPrototypeOf: boom })).message).to.equal('an error that cannot be shown');
    expect(toErrorInfo(Object.assign(new Error('x'), { name: 7, message: { a: 1 }, stack: 5 }))).to.deep.equal({ name: '7', message: '[object Object]' });
  });

  it('is clipped to what a person reads', () => {
    const error = new Error('x'.repeat(100_000));
    expect(JSON.stringify(toErrorInfo(error)).length).to.be.lessThan(7_000);
  });

  it('is made of anything', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const lines = ['text', 7, undefined, null, { a: 1 }, circle, 7n, Symbol('s'), Object.create(null)].map((thrown) => errorLine(toErrorInfo(thrown)));
    expect(lines).to.deep.equal([
      'NonError: text',
      'NonError: number 7 was thrown',
      'NonError: undefined undefined was thrown',
      'NonError: object null was thrown',
      'NonError: object {"a":1} was thrown',
      'NonError: a object that cannot be shown was thrown',
      'NonError: a bigint that cannot be shown was thrown',
      'NonError: symbol undefined was thrown',
      'NonError: object {} was thrown',
    ]);
  });
});
