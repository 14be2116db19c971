import { expect } from 'chai';
import * as fc from 'fast-check';
import { encodeFrames, LOG_HEADER, readLog, readSingleFrame } from '../../src/data-dir/log-frames.ts';

const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
const logOf = (frames: readonly Uint8Array[]): Buffer => Buffer.concat([LOG_HEADER, encodeFrames(frames)]);
const plain = (frames: readonly Uint8Array[] | undefined): number[][] | undefined => frames?.map((frame) => [...frame]);

describe('frames of the log', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(contents, (frames) => {
        const log = logOf(frames);
        const read = readLog(log);
        expect(plain(read.frames)).to.deep.equal(plain(frames));
        expect(read.wholeBytes).to.equal(log.length);
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
      expect(plain(read.frames), `${length} bytes`).to.deep.equal(plain(frames.slice(0, whole)));
      expect(read.wholeBytes).to.equal(whole > 0 ? ends[whole - 1] : length < LOG_HEADER.length ? 0 : LOG_HEADER.length);
      expect(read.state, `${length} bytes`).to.equal([LOG_HEADER.length, ...ends].includes(length) ? 'whole' : 'torn');
    }
  });

  it('around a flipped bit are recovered, and nothing else is made up', () => {
    const frames = [Buffer.from('one'), Buffer.from('two and more'), Buffer.from('three')];
    const log = logOf(frames);
    for (let bit = 0; bit < log.length * 8; bit++) {
      const damaged = Buffer.from(log);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const read = readLog(damaged);
      const isInHeader = bit < LOG_HEADER.length * 8;
      const missing = frames.filter((frame) => !read.frames.some((found) => frame.equals(found)));
      expect(read.frames.length + missing.length, `bit ${bit}`).to.equal(frames.length);
      expect(missing.length, `bit ${bit}`).to.equal(isInHeader ? 0 : 1);
      // What follows gives it away; the length of the last frame is the one place where damage looks like a torn write.
      if (bit < (log.length - 'three'.length - 8) * 8 || bit >= (log.length - 'three'.length) * 8) expect(read.state, `bit ${bit}`).to.equal('damaged');
    }
  });

  it('are not seen in zeros that a file system left behind', () => {
    const log = logOf([Buffer.from('one')]);
    expect(readLog(Buffer.concat([log, Buffer.alloc(4_096)]))).to.deep.include({ wholeBytes: log.length, state: 'torn' });
    const unfilled = Buffer.concat([logOf([Buffer.from('one'), Buffer.from('two')]).subarray(0, -2), Buffer.alloc(4_096)]);
    expect(readLog(unfilled)).to.deep.include({ wholeBytes: log.length, state: 'torn' });
  });

  it('are not looked for in another program’s file', () => {
    for (const text of ['#!/bin/sh\nexit 0\n', 'OMEGLOG2........']) expect(readLog(Buffer.from(text))).to.deep.equal({ frames: [], wholeBytes: 0, state: 'damaged' });
  });

  it('of a file with one frame are its content, or nothing when any bit of it is wrong', () => {
    const file = logOf([Buffer.from('all of it')]);
    expect(Buffer.from(readSingleFrame(file)!).toString()).to.equal('all of it');
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = Buffer.from(file);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(readSingleFrame(damaged), `bit ${bit}`).to.equal(undefined);
    }
    for (let length = 0; length < file.length; length++) expect(readSingleFrame(file.subarray(0, length)), `${length} bytes`).to.equal(undefined);
    expect(readSingleFrame(Buffer.concat([file, file]))).to.equal(undefined);
  });
});
