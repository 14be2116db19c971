import { expect } from 'chai';
import { assert, domain, integer, ipV4, ipV6, oneof, property } from 'fast-check';
import { formatAddress, parseAddress } from '../src/address.ts';
import { MeshError } from '../src/errors.ts';

function faultOf(text: string): MeshError {
  try {
    parseAddress(text, 7947);
  } catch (error) {
    if (error instanceof MeshError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} was taken`);
}

describe('an address', () => {
  const taken: readonly (readonly [string, string, number])[] = [
    ['10.0.0.1', '10.0.0.1', 7947],
    ['10.0.0.1:1', '10.0.0.1', 1],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['node-1', 'node-1', 7947],
    ['node_1.mesh.example.:65535', 'node_1.mesh.example.', 65535],
    ['[::1]', '::1', 7947],
    ['[::1]:80', '::1', 80],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    ['[::ffff:10.0.0.1]:80', '::ffff:10.0.0.1', 80],
  ];
  for (const [text, host, port] of taken) {
    it(`${text} is host ${host}, port ${port}`, () => {
      expect(parseAddress(text, 7947)).to.deep.equal({ host, port });
    });
  }

  const refused = [
    '', ':80', 'host:', 'host:65536', 'host:-1', 'host:8e1', 'host: 80', 'a b', 'http://host', 'host:80:80', '10.0.0.256',
    '1.2.3.4.5', '-x', '[]', '[::1', '[::1]80', '[host]:80', '[:::]', '[fe80::1%]', 'host\n', 'a'.repeat(254),
  ];
  for (const text of refused) {
    it(`${JSON.stringify(text.slice(0, 20))} is refused`, () => {
      expect(faultOf(text)).to.include({ code: 'BAD_ADDRESS', given: text });
    });
  }

  it('a bare IPv6 address is answered with its brackets', () => {
    expect(faultOf('fe80::1').todo).to.contain('[fe80::1]');
  });

  it('reads back what it writes', () => {
    const hosts = oneof(ipV4(), ipV6(), domain());
    assert(
      property(hosts, integer({ min: 0, max: 65_535 }), (host, port) => {
        expect(parseAddress(formatAddress({ host, port }), 1)).to.deep.equal({ host, port });
      }),
    );
  });
});
