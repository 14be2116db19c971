import { expect } from 'chai';
import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { addressOf, ipBytes } from '../../../../src/actors/membership/wire/ip-address.ts';

describe('IP addresses on the wire', () => {
  it('IPv4 takes 4 bytes, IPv6 takes 16', () => {
    expect([...ipBytes('127.0.0.1')]).to.deep.equal([127, 0, 0, 1]);
    expect(Buffer.from(ipBytes('fd00::1:2')).toString('hex')).to.equal('fd000000000000000000000000010002');
  });

  it('IPv4 inside IPv6 is the same address as the IPv4 it holds', () => {
    expect(addressOf(ipBytes('::ffff:10.1.2.3'), 7946)).to.deep.equal(addressOf(ipBytes('10.1.2.3'), 7946));
  });

  for (const [given, shown] of [['::', '::'], ['::1', '::1'], ['1::', '1::'], ['1:0:0:2:0:0:0:3', '1:0:0:2::3'], ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'], ['fe80:0:0:0:10:0:0:0', 'fe80::10:0:0:0']] as const) {
    it(`${given} is shown as ${shown}`, () => {
      expect(addressOf(ipBytes(given), 1)!.host).to.equal(shown);
    });
  }

  it('every 16 bytes become a text that means the same bytes', () => {
    const group = fc.constantFrom(0, 0, 0, 1, 0x10, 0xabcd);
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = Buffer.from(groups.flatMap((value) => [value >> 8, value & 0xff]));
        const { host } = addressOf(bytes, 1)!;
        expect(isIP(host)).to.not.equal(0);
        if (isIP(host) === 6) expect(Buffer.from(ipBytes(host)).equals(bytes), host).to.equal(true);
      }),
    );
  });

  it('bytes of another length and port 0 are no address', () => {
    expect(addressOf(Uint8Array.of(1, 2, 3), 1)).to.equal(undefined);
    expect(addressOf(Uint8Array.of(1, 2, 3, 4), 0)).to.equal(undefined);
  });

  for (const text of ['localhost', '1.2.3', '1.2.3.256', '1::2::3', '1:2', '12345::', '::g']) {
    it(`${text} is not an IP address`, () => {
      expect(() => ipBytes(text)).to.throw(TypeError);
    });
  }
});
