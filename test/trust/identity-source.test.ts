import { expect } from 'chai';
import { makeAuthority } from '../../src/trust/authority.ts';
import { holdIdentity, type HeldIdentity, type Identity, type IdentitySource } from '../../src/trust/identity-source.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';

const NOW = Date.UTC(2026, 10, 23, 1);

describe('an identity that is held', () => {
  it('is the last one that it was given, and those who listen are told of each', async () => {
    const authority = await makeAuthority('omega.test', NOW);
    const made = (): Promise<Identity> => issueOwn(authority, { kind: 'node', name: 'n1', nowMs: NOW });
    const [first, second, third] = [await made(), await made(), await made()];
    const held: HeldIdentity = holdIdentity(first);
    const source: IdentitySource = held;
    const heard: Identity[] = [];
    const stop = source.onChange((identity) => void heard.push(identity));
    expect(source.current()).to.equal(first);
    held.replace(second);
    expect(source.current()).to.equal(second);
    stop();
    held.replace(third);
    expect(source.current()).to.equal(third);
    expect(heard).to.deep.equal([second]);
  });
});
