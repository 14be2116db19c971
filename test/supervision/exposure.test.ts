import { expect } from 'chai';
import { shownMessage, shownState } from '../../src/supervision/trail/exposure.ts';

const CHARS_MAX = 2_000;

function boom(): never {
  throw new Error('boom');
}

describe('what is shown of an actor', () => {
  it('is of a message its kind alone, unless the behavior describes it', () => {
    const message = { kind: 'login', password: 'hunter2' };
    expect(shownMessage({}, message)).to.equal('login');
    expect(shownMessage(undefined, new Map([['password', 'hunter2']]))).to.equal('Map');
    expect(shownMessage(undefined, 'hunter2')).to.equal('string');
    expect(shownMessage({ describe: ({ kind }: { kind: string }) => `${kind} of somebody` }, message)).to.equal('login of somebody');
  });

  it('is of a state nothing, unless the behavior has a view of it', () => {
    expect(shownState({}, { password: 'hunter2' }, CHARS_MAX)).to.equal(undefined);
    expect(shownState({ view: ({ a }: { a: number }) => ({ a }) }, { a: 1, password: 'hunter2' }, CHARS_MAX)).to.equal('{"a":1}');
  });

  for (const name of ['password', 'dbPasswd', 'clientSecret', 'accessToken', 'apiKey', 'api_key', 'privateKey', 'Authorization', 'cookie', 'credentials']) {
    it(`is not what a view has left under the name ${name}, at any depth`, () => {
      const state = { deep: [{ [name]: 'hunter2' }], map: new Map([[name, 'hunter2']]), [name]: { inside: 'hunter2' } };
      const shown = shownState({ view: (all: unknown) => all }, state, CHARS_MAX);
      expect(shown).to.equal(`{"deep":[{"${name}":"[redacted]"}],"map":[["${name}","[redacted]"]],"${name}":"[redacted]"}`);
    });
  }

  it('is how many secrets there are, which is none', () => {
    expect(shownState({ view: (all: unknown) => all }, { tokens: 3, hasPassword: true }, CHARS_MAX)).to.equal('{"tokens":3,"hasPassword":true}');
  });

  it('is never longer than its limit', () => {
    expect(shownMessage({ describe: () => 'x'.repeat(100_000) }, 1)).to.have.length(2_001);
    expect(shownState({ view: () => Array.from({ length: 10_000 }, () => 'y'.repeat(100)) }, 1, 50)).to.have.length(51);
  });

  it('can always be shown, whatever describe, view and the message do', () => {
    expect(shownMessage({ describe: boom }, { kind: 'put' })).to.equal('put');
    expect(shownMessage({ describe: () => Symbol('x') as unknown as string }, { kind: 'put' })).to.equal('put');
    expect(shownMessage({}, new Proxy({}, { has: boom, get: boom, getPrototypeOf: boom }))).to.equal('a message that cannot be shown');
    expect(shownState({ view: boom }, 1, CHARS_MAX)).to.equal('its view failed: boom');
    const circle: Record<string, unknown> = {};
    circle['circle'] = circle;
    expect(shownState({ view: () => circle }, 1, CHARS_MAX)).to.match(/^its view failed: /);
  });
});
