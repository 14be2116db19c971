import { expect } from 'chai';
import * as fc from 'fast-check';
import { encodeFrames, LOG_HEADER, readLog } from '../../../src/actors/registry/log-frames.ts';

const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
const logOf = (frames: readonly Uint8Array[]): Buffer => Buffer.concat([LOG_HEADER, encodeFrames(frames)]);
const plain = (frames: readonly Uint8Array[] | undefined): number[][] | undefined => frames?.map((frame) => [...frame]);

describe('frames of the log', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(contents, (frames) => {
        const log = logOf(frames);
        const read = readLog(log);
        expect(plain(read?.frames)).to.deep.equal(plain(frames));
        expect(read?.wholeBytes).to.equal(log.length);
      }),
    );
  });

  it('before a torn write are recovered, at whichever byte it tore', () => {
    const frames = [Buffer.from('one'), Buffer.from('two and more'), Buffer.from('three')];
    const log = logOf(frames);
    const ends = frames.map((_, i) => logOf(frames.slice(0, i + 1)).length);
    for (let length = 0; length <= log.length; length++) {
      const read = readLog(log.subarray(0, length));
      const whole = ends.filter((end) => end <= length).length;
      expect(plain(read?.frames), `${length} bytes`).to.deep.equal(plain(frames.slice(0, whole)));
      expect(read?.wholeBytes).to.equal(whole > 0 ? ends[whole - 1] : length < LOG_HEADER.length ? 0 : LOG_HEADER.length);
    }
  });

  it('before a flipped bit are recovered, and nothing else is made up', () => {
    const frames = [Buffer.from('one'), Buffer.from('two and more'), Buffer.from('three')];
    const log = logOf(frames);
    for (let bit = LOG_HEADER.length * 8; bit < log.length * 8; bit++) {
      const damaged = Buffer.from(log);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const read = plain(readLog(damaged)?.frames)!;
      expect(read, `bit ${bit}`).to.deep.equal(plain(frames.slice(0, read.length)));
      expect(read.length).to.be.lessThan(frames.length);
    }
  });

  it('are not seen in zeros that a file system left behind', () => {
    const log = logOf([Buffer.from('one')]);
    expect(readLog(Buffer.concat([log, Buffer.alloc(4_096)]))).to.deep.include({ wholeBytes: log.length });
  });

  it('are not looked for in another program’s file', () => {
    expect(readLog(Buffer.from('#!/bin/sh\nexit 0\n'))).to.equal(undefined);
    expect(readLog(Buffer.from('OMEGLOG2........'))).to.equal(undefined);
  });
});
