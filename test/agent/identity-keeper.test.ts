import { expect } from 'chai';
import { keepIdentity, type IdentityKeeper } from '../../src/agent/identity-keeper.ts';
import { VirtualClock } from '../../src/clock.ts';
import { MeshError } from '../../src/errors.ts';
import { seededRandom } from '../../src/random.ts';
import { holdIdentity, type HeldIdentity, type Identity } from '../../src/trust/identity-source.ts';
import { TrustDomain } from '../support/trust-domain.ts';

const HOUR = 3_600_000;

describe('the identity of an agent that runs', () => {
  let clock: VirtualClock;
  let held: HeldIdentity;
  let first: Identity;
  let second: Identity;
  let kept: Identity[];
  let events: string[];
  let answers: (Identity | MeshError)[];
  let keeper: IdentityKeeper;

  before(async () => {
    const domain = await TrustDomain.make();
    // The clock begins with the epoch.
    const shiftMs = -Date.now();
    first = await domain.identity('agent', 'a1', { shiftMs });
    second = await domain.identity('agent', 'a1', { shiftMs: shiftMs + HOUR / 2 });
  });
  beforeEach(() => {
    clock = new VirtualClock();
    held = holdIdentity(first);
    kept = [];
    events = [];
    answers = [];
    keeper = keepIdentity({
      held,
      renew: () => {
        const answer = answers.shift() ?? new MeshError('NODE_UNREACHABLE', 'nobody answers');
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      keep: (identity) => {
        kept.push(identity);
        throw new MeshError('DATA_DIR_UNUSABLE', 'the disk is full');
      },
      log: { log: (_level, event) => void events.push(event) },
      clock,
      random: seededRandom(1),
    });
  });
  afterEach(() => keeper.stop());

  /** What a promise answers is heard between two steps. */
  async function pass(ms: number): Promise<void> {
    for (let step = 0; step < ms; step += 10_000) {
      clock.advance(10_000);
      await new Promise((resolve) => void setImmediate(resolve));
    }
  }

  it('is renewed at half its life, and used also where the disk does not take it', async () => {
    answers.push(second);
    await pass(0.6 * HOUR);
    expect(held.current()).to.equal(second);
    expect(kept).to.deep.equal([second]);
    expect(events).to.deep.equal(['identity-not-kept', 'identity-renewed']);
  });

  it('stays as it is while nobody renews it, and is renewed on return', async () => {
    await pass(0.8 * HOUR);
    expect(held.current()).to.equal(first);
    expect(events).to.include('identity-expires-soon');
    answers.push(second);
    await pass(90_000);
    expect(held.current()).to.equal(second);
  });

  it('is renewed at once where nobody takes it any more', async () => {
    await pass(60_000);
    answers.push(second);
    keeper.renewNow();
    await pass(10_000);
    expect(held.current()).to.equal(second);
  });

  it('is left alone once the agent has stopped', async () => {
    keeper.stop();
    answers.push(second);
    await pass(HOUR);
    expect(held.current()).to.equal(first);
    expect(events).to.deep.equal([]);
  });
});
