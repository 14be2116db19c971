import { expect } from 'chai';
import { isLoopback } from '../src/loopback.ts';

describe('loopback', () => {
  for (const host of ['127.0.0.1', '127.255.0.9', '::1', 'localhost', 'LocalHost']) {
    it(`${host} never leaves the machine`, () => expect(isLoopback(host)).to.equal(true));
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', '::2', '::ffff:127.0.0.1', '']) {
    it(`${JSON.stringify(host)} may`, () => expect(isLoopback(host)).to.equal(false));
  }
});
