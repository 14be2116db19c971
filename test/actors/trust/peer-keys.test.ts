import { expect } from 'chai';
import { PeerKeys, type PeerKeysEffect, type PeerKeysInput, type ReadChain } from '../../../src/actors/trust/peer-keys.ts';
import { MeshError } from '../../../src/errors.ts';

const HOUR_MS = 3_600_000;

/** "kind/name/key" as its only certificate, valid for an hour; "bad" is none. */
function chainOf(text: string): readonly Uint8Array[] {
  return [Buffer.from(text)];
}

/** Keys whose certificates are not good any more. */
const revoked = new Set<string>();

function read([der]: readonly Uint8Array[]): ReadChain {
  const [kind, name = '', keyId = ''] = Buffer.from(der ?? []).toString().split('/');
  if (kind === 'bad' || revoked.has(keyId)) throw new MeshError('SVID_EXPIRED', 'expired');
  return { isNode: kind === 'node', name, keyId, spki: Buffer.from(keyId), notBeforeMs: 0, notAfterMs: HOUR_MS };
}

class Watched {
  own = 'node/me/k1';
  readonly evicted = new Set<string>();
  authority = 'ca1';
  readonly keys = new PeerKeys({ own: () => chainOf(this.own), read, admits: ({ name }) => !this.evicted.has(name), authorities: () => this.authority });
  nowMs = 0;

  hear(input: PeerKeysInput): string[] {
    return this.keys.handle(input, this.nowMs).map(inWords);
  }

  shown(node: string, text: string, wantsOurs = false): string[] {
    return this.hear({ kind: 'heard', node, chain: chainOf(text), wantsOurs });
  }

  get known(): string[] {
    return this.keys.peers.map(({ name, isOpen, keys }) => `${name}${isOpen ? '' : ' closed'}: ${keys.map(({ keyId }) => keyId).join()}`);
  }
}

function inWords(effect: PeerKeysEffect): string {
  if (effect.kind === 'send') return `show ${effect.node} ${Buffer.from(effect.chain[0]!).toString()}${effect.wantsTheirs ? '?' : ''}`;
  return effect.kind === 'refused' ? `refuse ${effect.node} ${effect.fault.code}` : effect.kind;
}

describe('the keys of the peers', () => {
  it('are learnt from the certificates that they show, and each is shown this node\'s when its session opens', () => {
    const me = new Watched();
    expect(me.hear({ kind: 'peer-up', node: 'b' })).to.deep.equal(['show b node/me/k1?', 'tell']);
    expect(me.shown('b', 'node/b/k7')).to.deep.equal(['tell']);
    expect(me.known).to.deep.equal(['b: k7']);
    expect(me.shown('b', 'node/b/k7')).to.deep.equal([]);
  });

  it('are not what another shows, or is no certificate of a node, or not to be believed', () => {
    const me = new Watched();
    me.hear({ kind: 'peer-up', node: 'b' });
    for (const [text, code] of [['node/c/k1', 'WRONG_IDENTITY'], ['agent/b/k1', 'WRONG_IDENTITY'], ['bad', 'SVID_EXPIRED']] as const) expect(me.shown('b', text)).to.deep.equal([`refuse b ${code}`]);
    expect(me.known).to.deep.equal(['b: ']);
  });

  it('are remembered when the session ends, until the certificate expires', () => {
    const me = new Watched();
    me.hear({ kind: 'peer-up', node: 'b' });
    me.shown('b', 'node/b/k7');
    expect(me.hear({ kind: 'peer-down', node: 'b' })).to.deep.equal(['tell']);
    expect(me.known).to.deep.equal(['b closed: k7']);
    me.nowMs = HOUR_MS;
    me.hear({ kind: 'pulse' });
    expect(me.known).to.deep.equal([]);
  });

  it('are the newest three of each', () => {
    const me = new Watched();
    me.hear({ kind: 'peer-up', node: 'b' });
    for (const key of ['k1', 'k2', 'k3', 'k4']) me.shown('b', `node/b/${key}`);
    expect(me.known).to.deep.equal(['b: k2,k3,k4']);
    me.shown('b', 'node/b/k2');
    expect(me.known).to.deep.equal(['b: k3,k4,k2']);
  });

  it('of this node are shown to all when it has a new one, and to who asks', () => {
    const me = new Watched();
    for (const node of ['b', 'c']) me.hear({ kind: 'peer-up', node });
    me.shown('b', 'node/b/k7');
    me.own = 'node/me/k2';
    expect(me.hear({ kind: 'renewed' })).to.deep.equal(['show b node/me/k2', 'show c node/me/k2?', 'tell']);
    expect(me.shown('b', 'node/b/k7', true)).to.deep.equal(['show b node/me/k2']);
    // Who shows nothing good and asks again and again is answered, and not asked back.
    expect(me.shown('c', 'bad', true)).to.deep.equal(['refuse c SVID_EXPIRED', 'show c node/me/k2']);
  });

  it('are asked for until they are shown', () => {
    const me = new Watched();
    for (const node of ['b', 'c']) me.hear({ kind: 'peer-up', node });
    me.shown('c', 'node/c/k1');
    expect(me.hear({ kind: 'pulse' })).to.deep.equal(['show b node/me/k1?', 'tell']);
    me.shown('b', 'node/b/k1');
    expect(me.hear({ kind: 'pulse' })).to.deep.equal(['tell']);
  });

  it('are those of nobody who may not speak any more, nor of an authority that is not believed any more', () => {
    const me = new Watched();
    for (const node of ['b', 'c', 'd']) {
      me.hear({ kind: 'peer-up', node });
      me.shown(node, `node/${node}/k${node}`);
    }
    me.evicted.add('b');
    me.hear({ kind: 'pulse' });
    expect(me.known).to.deep.equal(['c: kc', 'd: kd', 'b: ']);
    revoked.add('kc');
    me.hear({ kind: 'renewed' });
    expect(me.known).to.include('c: kc');
    me.authority = 'ca2';
    me.hear({ kind: 'renewed' });
    expect(me.known).to.deep.equal(['d: kd', 'b: ', 'c: ']);
    revoked.clear();
  });

  it('are not kept of more nodes than can be', () => {
    const me = new Watched();
    for (let node = 0; node < 2_050; node++) me.shown(`n${node}`, `node/n${node}/k`);
    expect(me.known).to.have.length(2_048);
    expect(me.known[0]).to.equal('n2 closed: k');
  });
});
