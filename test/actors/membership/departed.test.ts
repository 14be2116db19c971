import { expect } from 'chai';
import { Departed } from '../../../src/actors/membership/departed.ts';
import { MemberTable, type Member } from '../../../src/actors/membership/member-table.ts';
import { seededRandom } from '../../../src/random.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { addressOfHost, alive, brainKnowing, dead, type BrainUnderTest } from './brain-under-test.ts';

const DAY_MS = 24 * 60 * 60_000;

function gone(name: string, statusSinceMs: number): Member {
  const address = addressOfHost(9);
  return { name, addr: NO_BYTES, address, meta: NO_BYTES, tags: {}, vsn: NO_BYTES, incarnation: 1, status: 'dead', statusSinceMs, suspicion: undefined, contestedAtMs: undefined, proof: 'unsigned', saidIncarnation: 1 };
}

function listed(brain: BrainUnderTest): string[] {
  return brain.brain.view.members.filter(({ isSelf }) => !isSelf).map(({ name, status, isDeparted }) => `${name} ${status}${isDeparted === true ? ' departed' : ''}`);
}

describe('a member that gossip has forgotten', () => {
  it('is listed for a day, as one that died or left', () => {
    const brain = brainKnowing(3);
    brain.acks = () => true;
    brain.hear(dead('b', 1, 'c'), dead('d', 1, 'd'));
    brain.pass(60_000);
    expect(brain.brain.members.map(({ name }) => name)).to.deep.equal(['me', 'c']);
    expect(listed(brain)).to.deep.equal(['c alive', 'b dead departed', 'd left departed']);
    expect(brain.events.filter(({ type }) => type === 'reaped')).to.deep.equal([]);
    expect(brain.brain.recordOf('b')).to.have.nested.property('member.status', 'dead');
    brain.forget();
    brain.clock.advance(DAY_MS);
    expect(listed(brain)).to.deep.equal(['c alive']);
    expect(brain.events).to.have.deep.members([
      { type: 'reaped', reason: 'dead', member: 'b', incarnation: 1 },
      { type: 'reaped', reason: 'left', member: 'd', incarnation: 1 },
    ]);
  }).timeout(60_000);

  it('is back when it comes back, and listed once', () => {
    const brain = brainKnowing(2);
    brain.acks = () => true;
    brain.hear(dead('b', 1, 'c'));
    brain.pass(60_000);
    brain.forget();
    brain.hear(alive('b', 1, '10.0.0.2'));
    expect(brain.events).to.deep.equal([{ type: 'alive', reason: 'back', member: 'b', incarnation: 1, address: addressOfHost(2) }]);
    expect(listed(brain)).to.have.members(['b alive', 'c alive']);
  });

  it('makes room for those forgotten later', () => {
    const departed = new Departed();
    for (let i = 0; i < 2_050; i++) departed.set(gone(`n${i}`, i));
    expect(departed.takeExpired(3_000).map(({ name }) => name)).to.deep.equal(['n0', 'n1']);
    expect([...departed.all()]).to.have.length(2_048);
  });

  it('has its turn to be probed no more when it is taken out of the table', () => {
    const table = new MemberTable('me', seededRandom(1));
    const member = { ...gone('b', 0), status: 'alive' } as const;
    table.set(member);
    table.delete(member);
    expect([table.size, table.count('alive'), table.at(member.address)]).to.deep.equal([0, 0, undefined]);
    expect(table.nextTurn(() => true, () => false).next).to.equal(undefined);
  });
});
