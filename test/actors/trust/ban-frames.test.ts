import { expect } from 'chai';
import { fromTrustFrame, toTrustFrame } from '../../../src/actors/trust/ban-frames.ts';
import type { BanFrame } from '../../../src/actors/trust/ban-spread.ts';
import { protos } from '../../../src/transport/proto.ts';
import { madeBan } from './made-bans.ts';

const { requestSerialize, requestDeserialize } = protos.PeerService.service.Session;
const ID = 'ab'.repeat(32);

describe('what is said about bans', () => {
  const sent = (frame: BanFrame): BanFrame | undefined => fromTrustFrame(requestDeserialize(requestSerialize({ trust: toTrustFrame(frame) })).trust!);

  it('arrives over a session as it was sent', () => {
    for (const frame of [{ digest: ID }, { ids: [ID, ID] }, { ids: [] }, { wanted: [ID] }] satisfies BanFrame[]) expect(sent(frame)).to.deep.equal(frame);
    const { entry } = madeBan({});
    const [arrived] = sent({ entries: [entry] })!.entries!;
    expect(Buffer.from(arrived!.body).equals(entry.body)).to.equal(true);
    expect(arrived!.chain.map((der) => Buffer.from(der).toString())).to.deep.equal(entry.chain.map((der) => Buffer.from(der).toString()));
  });

  it('is nothing when it is of a later protocol, and names no entry by what is no id', () => {
    expect(fromTrustFrame({})).to.equal(undefined);
    expect(fromTrustFrame({ wanted: { ids: [Buffer.alloc(31), Buffer.alloc(32)] } })).to.deep.equal({ wanted: ['00'.repeat(32)] });
  });
});
