import { expect } from 'chai';
import { followIdentity } from '../../src/agent/identity-follower.ts';
import { VirtualClock } from '../../src/clock.ts';
import { MeshError } from '../../src/errors.ts';
import { seededRandom } from '../../src/random.ts';
import type { SvidListener } from '../../src/transport/workload-client.ts';
import type { Identity } from '../../src/trust/identity-source.ts';
import { trustDomain } from '../support/trust-domain.ts';

describe('the identity of an agent that a Workload API pushes', () => {
  it('is put where it is looked for, followed again when the stream has ended, and left alone when the agent stops', async () => {
    const clock = new VirtualClock();
    const open: SvidListener[] = [];
    const put: Identity[] = [];
    const events: string[] = [];
    let [pushed, stopped] = [0, 0];
    const stop = followIdentity({
      watch: { open: (hear) => (open.push(hear), () => void stopped++), put: (identity) => void put.push(identity) },
      pushed: () => void pushed++,
      log: { log: (_level, event) => void events.push(event) },
      clock,
      random: seededRandom(1),
    });
    const identity = await (await trustDomain()).identity('agent', 'a1');
    open[0]!.told(identity);
    expect([put, pushed]).to.deep.equal([[identity], 1]);
    open[0]!.ended(new MeshError('NODE_UNREACHABLE', 'no Workload API answers'));
    expect(open.length).to.equal(1);
    clock.advance(1_500);
    expect([open.length, events]).to.deep.equal([2, ['workload-api-away']]);
    open[1]!.told(identity);
    expect(events.at(-1)).to.equal('workload-api-back');
    open[1]!.ended(new MeshError('NODE_UNREACHABLE', 'no Workload API answers'));
    stop();
    clock.advance(60_000);
    open[1]!.told(identity);
    expect([open.length, stopped, put.length]).to.deep.equal([2, 1, 2]);
  });
});
