import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { canSignGossip, gossipKeyId, signGossip, verifiesGossip } from '../../src/trust/gossip-signature.ts';

const STATEMENT = Buffer.from('n1 is at 10.0.0.1');

describe('a signature for gossip', () => {
  for (const [name, pair] of [['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' })], ['Ed25519', generateKeyPairSync('ed25519')]] as const) {
    it(`with a key of ${name} takes 64 bytes and holds for what was signed only`, () => {
      const { privateKey, publicKey } = pair;
      const signature = signGossip(STATEMENT, privateKey);
      expect(signature).to.have.length(64);
      expect(verifiesGossip(STATEMENT, publicKey, signature)).to.equal(true);
      expect(verifiesGossip(Buffer.from('n1 is at 10.0.0.2'), publicKey, signature)).to.equal(false);
      expect(verifiesGossip(STATEMENT, publicKey, Buffer.alloc(64, 7))).to.equal(false);
      expect(verifiesGossip(STATEMENT, publicKey, signature.subarray(1))).to.equal(false);
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      expect(verifiesGossip(STATEMENT, other.publicKey, signature)).to.equal(false);
      expect(gossipKeyId(publicKey)).to.match(/^[0-9a-f]{16}$/).and.not.equal(gossipKeyId(other.publicKey));
      expect(canSignGossip(privateKey)).to.equal(true);
    });
  }

  it('is not made with keys whose signatures leave no room for tags', () => {
    expect(canSignGossip(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey)).to.equal(false);
    expect(canSignGossip(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)).to.equal(false);
  });
});
