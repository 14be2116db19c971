import { expect } from 'chai';
import { assert, property, string } from 'fast-check';
import { Metadata, status as Status } from '@grpc/grpc-js';
import { ERROR_CATALOGUE, MeshError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { errorFromStatus, statusFromError } from '../../src/transport/grpc-status.ts';

const CODES = Object.keys(ERROR_CATALOGUE) as ErrorCode[];

describe('a MeshError as a gRPC status', () => {
  for (const code of CODES) {
    it(`${code} comes back as ${code}`, () => {
      const sent = new MeshError(code, 'what happened', { given: 'g', expected: 'e', todo: 't' });
      const status = statusFromError(sent);
      expect(status.code).not.to.equal(Status.OK);
      expect(errorFromStatus(status, 'node-1')).to.include({ code, message: 'what happened', given: 'g', expected: 'e', todo: 't' });
      // INTERNAL is also what an absent row would give.
      if (code !== 'INTERNAL') expect(status.code, 'in the table').not.to.equal(Status.INTERNAL);
    });
  }

  it('keeps its stack and its causes to itself', () => {
    const sent = new MeshError('REFUSED', 'no', { cause: new Error('secret-cause') });
    const status = statusFromError(sent);
    const wire = JSON.stringify([status.code, status.details, String(status.metadata.get('mesh-error-bin')[0])]);
    expect(wire).not.to.match(/secret-cause|grpc-status\.test/);
  });

  it('carries any text, cut to what fits into trailers', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 3_000 }), (text) => {
        const status = statusFromError(new MeshError('REFUSED', text, { given: text }));
        expect(() => encodeURI(status.details)).not.to.throw();
        const told = errorFromStatus(status, 'node-1');
        const expected = Buffer.from(text.length > 1_024 ? `${text.slice(0, 1_024)}…` : text).toString();
        expect(told.message).to.equal(expected);
        expect(told.given).to.equal(expected);
      }),
    );
  });
});

describe('a gRPC status that carries no MeshError', () => {
  /** Each as a person reads it. */
  const meanings: readonly (readonly [keyof typeof Status, ErrorCode, sentence: string])[] = [
    ['CANCELLED', 'SESSION_CLOSED', 'node-1:7947 ended the call'],
    ['UNKNOWN', 'INTERNAL', 'node-1:7947 failed, and did not say why'],
    ['INVALID_ARGUMENT', 'BAD_ARGUMENT', 'node-1:7947 does not take what it was sent'],
    ['DEADLINE_EXCEEDED', 'NODE_UNREACHABLE', 'node-1:7947 did not answer in time'],
    ['NOT_FOUND', 'NOT_FOUND', 'node-1:7947 has nothing of that name'],
    ['ALREADY_EXISTS', 'REFUSED', 'node-1:7947 has that already'],
    ['PERMISSION_DENIED', 'REFUSED', 'node-1:7947 does not permit that'],
    ['RESOURCE_EXHAUSTED', 'OVERLOADED', 'node-1:7947 has reached a limit'],
    ['FAILED_PRECONDITION', 'REFUSED', 'node-1:7947 cannot do that as it is now'],
    ['ABORTED', 'SESSION_CLOSED', 'node-1:7947 broke the call off'],
    ['OUT_OF_RANGE', 'BAD_ARGUMENT', 'node-1:7947 does not take so large or small a value'],
    ['UNIMPLEMENTED', 'REFUSED', 'node-1:7947 does not know this call'],
    ['INTERNAL', 'INTERNAL', 'node-1:7947 could not answer because of a fault in it'],
    ['UNAVAILABLE', 'NODE_UNREACHABLE', 'node-1:7947 does not answer'],
    ['DATA_LOSS', 'MALFORMED', 'node-1:7947 sent what does not follow the protocol'],
    ['UNAUTHENTICATED', 'REFUSED', 'node-1:7947 does not know who asks'],
  ];
  it('has a meaning for every status of gRPC', () => {
    const names = Object.keys(Status).filter((name) => !/^\d+$/.test(name) && name !== 'OK');
    expect(meanings.map(([name]) => name)).to.have.members(names);
  });
  for (const [name, code, sentence] of meanings) {
    it(`${name} means ${code}, in words of ours`, () => {
      const told = errorFromStatus({ code: Status[name], details: 'grpc-text', metadata: new Metadata() }, 'node-1:7947');
      expect(told).to.include({ code, message: sentence, given: 'node-1:7947' });
      expect(told.todo).to.be.a('string').and.not.include('grpc-text');
      expect((told.cause as Error).message, 'for who debugs').to.equal(`${name}: grpc-text`);
    });
  }

  it('a frame over the receiver’s limit is TOO_LARGE', () => {
    const details = 'Received message larger than max (5000000 vs 4194304)';
    expect(errorFromStatus({ code: Status.RESOURCE_EXHAUSTED, details }, 'x')).to.include({ code: 'TOO_LARGE', message: 'x: a message is larger than its receiver takes' });
  });

  it('a host name that cannot be resolved is NODE_UNREACHABLE, and named as the reason', () => {
    const details = 'Name resolution failed for target dns:nowhere.invalid:7947';
    expect(errorFromStatus({ code: Status.UNAVAILABLE, details }, 'x')).to.include({ code: 'NODE_UNREACHABLE', message: 'x does not answer: its host name cannot be resolved' });
  });

  it('an unknown status is INTERNAL', () => {
    expect(errorFromStatus({ code: JSON.parse('99'), details: '' }, 'x')).to.include({ code: 'INTERNAL', message: 'x failed, and did not say why' });
  });

  for (const junk of ['', 'no json', 'null', '[]', '{}', '{"code":"NO_SUCH","message":"m"}', '{"code":"REFUSED","message":1}', '{"code":"toString","message":"m"}']) {
    it(`metadata that says ${junk === '' ? 'nothing' : junk} is ignored`, () => {
      const metadata = new Metadata();
      metadata.set('mesh-error-bin', Buffer.from(junk));
      expect(errorFromStatus({ code: Status.NOT_FOUND, details: 'd', metadata }, 'x')).to.include({ code: 'NOT_FOUND', message: 'x has nothing of that name' });
    });
  }
});
