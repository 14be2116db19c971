import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import type { SpiffeId } from '../../src/trust/spiffe-id.ts';
import { keepToken, listTokens } from '../../src/trust/token-files.ts';
import { makeToken } from '../../src/trust/token.ts';

const N2: SpiffeId = { trustDomain: 'omega.test', kind: 'node', name: 'n2' };
const NOW = Date.UTC(2026, 10, 1);
const DAY = 86_400_000;

describe('the tokens of an authority', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'mesh-tokens-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** As many as it keeps at most. */
  function fill(expiresAtMs: number): void {
    mkdirSync(join(dir, 'tokens'));
    const record = JSON.stringify({ id: 'spiffe://omega.test/node/n1', expiresAtMs });
    for (let at = 0; at < 10_000; at++) writeFileSync(join(dir, 'tokens', `${at}.json`), record);
  }

  const keepOne = (): void => keepToken(dir, makeToken({ id: N2, role: undefined, pin: 'p'.repeat(43), expiresAtMs: NOW + DAY }), NOW);

  it('that expired a week ago make room for another', () => {
    fill(NOW - 8 * DAY);
    keepOne();
    expect(listTokens(dir).map(({ id }) => id.name)).to.deep.equal(['n2']);
  });

  it('are refused past their limit while they may still be used', () => {
    fill(NOW + DAY);
    expect(keepOne).to.throw(MeshError).with.property('code', 'OVERLOADED');
  });
});
