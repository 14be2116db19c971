import { expect } from 'chai';
import { formatSessions, sessionLine } from '../../src/cli/format-sessions.ts';
import { paintFor } from '../../src/cli/paint.ts';

const PLAIN = paintFor(false, {});
const SESSION = {
  peer: 'spiffe://omega.test/node/n2',
  isDialled: true,
  remote: '127.0.0.2:7947',
  serial: '5B15ECFED04EDF5CA29E8B98907832B3',
  expiresAtMs: 3_600_000,
  tlsGroup: 'X25519MLKEM768',
  ageMs: 61_000.4,
  bytesIn: 2_048,
  bytesOut: 3 * 1_024 * 1_024,
};

describe('the connections that stand', () => {
  it('are shown with whom, until when, how keys were exchanged, and what they carried', () => {
    const agent = { ...SESSION, peer: 'spiffe://omega.test/agent/a1', isDialled: false, tlsGroup: '' };
    expect(formatSessions([sessionLine(SESSION), sessionLine(agent)], 0, PLAIN)).to.deep.equal([
      'PEER  KIND   OPENED   REMOTE          SERIAL       EXPIRES  TLS GROUP          AGE       IN      OUT',
      'n2    node   by us    127.0.0.2:7947  …907832B3  in 1h 00m  X25519MLKEM768  1m 01s  2.0 KiB  3.0 MiB',
      'a1    agent  by them  127.0.0.2:7947  …907832B3  in 1h 00m  not told        1m 01s  2.0 KiB  3.0 MiB',
    ]);
  });

  it('are whole as JSON', () => {
    expect(sessionLine(SESSION)).to.deep.equal({
      peer: 'spiffe://omega.test/node/n2',
      kind: 'node',
      direction: 'dialled',
      remote: '127.0.0.2:7947',
      serial: '5B15ECFED04EDF5CA29E8B98907832B3',
      expires: '1970-01-01T01:00:00.000Z',
      tlsGroup: 'X25519MLKEM768',
      ageMs: 61_000,
      bytesIn: 2_048,
      bytesOut: 3_145_728,
    });
    expect(sessionLine({ ...SESSION, tlsGroup: '' }).tlsGroup).to.equal(null);
  });
});
