import { createSecretKey } from 'node:crypto';
import { expect } from 'chai';
import { NONCE_BYTES, seal, unseal, type SealVersion } from '../../../../src/actors/membership/wire/seal.ts';
import { memberlist } from './memberlist-vectors.ts';

const keyOf = (hex: string) => createSecretKey(Buffer.from(hex, 'hex'));
const KEY = keyOf('000102030405060708090a0b0c0d0e0f');
const OTHER = keyOf('f00102030405060708090a0b0c0d0e0f');
const NONCE = new Uint8Array(NONCE_BYTES);
const AAD = Buffer.from('blue');

describe('sealed bytes', () => {
  for (const { name, hex, fields } of memberlist.vectors.filter(({ kind }) => kind === 'encryptedPacket')) {
    const { key, plain, aad = '' } = fields as { key: string; plain: string; aad?: string };
    const bytes = Buffer.from(hex, 'hex');
    it(`${name} of real peers is opened`, () => {
      const opened = unseal(bytes, [OTHER, keyOf(key)], Buffer.from(aad, 'hex'));
      expect(Buffer.from(opened!).toString('hex')).to.equal(plain);
    });

    it(`${name} is sealed byte for byte as real peers do, given their nonce`, () => {
      const sealed = seal(Buffer.from(plain, 'hex'), keyOf(key), bytes.subarray(1, 1 + NONCE_BYTES), Buffer.from(aad, 'hex'), fields['encVersion'] as SealVersion);
      expect(Buffer.from(sealed).equals(bytes)).to.equal(true);
    });
  }

  for (const { name, hex, fields } of memberlist.vectors.filter(({ name: n }) => /^label_.*_encrypted/.test(n))) {
    it(`${name} of real peers is opened with its label`, () => {
      const { key, plain, aad, label } = fields as Record<'key' | 'plain' | 'aad' | 'label', string>;
      // On a stream the type and the length stand between the label and the sealed bytes.
      const sealed = Buffer.from(hex, 'hex').subarray(2 + label.length + (aad.length / 2 - label.length));
      expect(Buffer.from(unseal(sealed, [keyOf(key)], Buffer.from(aad, 'hex'))!).toString('hex')).to.equal(plain);
      expect(unseal(sealed, [keyOf(key)], Buffer.from('green'))).to.equal(undefined);
    });
  }

  it('are opened by no other key, with no other label, and not after a change of any byte', () => {
    const sealed = seal(Buffer.from('plain'), KEY, NONCE, AAD);
    expect(Buffer.from(unseal(sealed, [OTHER, KEY], AAD)!).toString()).to.equal('plain');
    expect(unseal(sealed, [OTHER], AAD)).to.equal(undefined);
    expect(unseal(sealed, [KEY], Buffer.from('blu'))).to.equal(undefined);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      expect(unseal(changed, [KEY], AAD), `byte ${at}`).to.equal(undefined);
    }
  });

  it('that are too short are nothing', () => {
    for (const version of [0, 1, 2]) for (let length = 0; length < 45; length++) expect(unseal(new Uint8Array(length).fill(version, 0, 1), [KEY], AAD)).to.equal(undefined);
  });

  it('of version 0 with padding that is none are nothing', () => {
    for (const last of [0, 17, 255]) {
      // What version 1 seals is not padded; the version itself is not protected.
      const sealed = Buffer.from(seal(new Uint8Array(16).fill(last), KEY, NONCE, AAD));
      sealed[0] = 0;
      expect(unseal(sealed, [KEY], AAD)).to.equal(undefined);
    }
  });
});
