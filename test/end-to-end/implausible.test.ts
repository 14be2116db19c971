import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { expect } from 'chai';
import { encodeMessage, TYPE } from '../../src/actors/membership/wire/messages.ts';
import { MsgpackWriter } from '../../src/actors/membership/wire/msgpack.ts';
import { Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

describe('a node that is told what cannot be, as a process', function () {
  this.timeout(60_000);
  let play: Playground;
  let node: StartedNode;
  let host: string;
  let port: number;

  beforeEach(async () => {
    play = new Playground();
    node = await play.node('n1', { bind: '127.0.33.5', readyWithinMs: 30_000 });
    const [ip = '', number = ''] = node.gossip.split(':');
    host = ip;
    port = Number(number);
  });
  afterEach(() => play.clear());

  const dropped = async (): Promise<Record<string, number>> => (await node.json<{ packetsDropped: Record<string, number> }>('status')).packetsDropped;

  it('refuses an accusation at the highest incarnation there is, which it could never refute, and counts it', async () => {
    const socket = createSocket('udp4');
    try {
      for (const type of ['suspect', 'dead'] as const) {
        const packet = encodeMessage({ type, incarnation: 2 ** 32 - 1, node: 'n1', from: 'evil' });
        await new Promise((resolve) => socket.send(packet, port, host, resolve));
      }
      await until('both counted', 10_000, async () => ((await dropped())['implausible-incarnation'] === 2 ? true : undefined));
      const { incarnation } = await node.json<{ incarnation: number }>('status');
      expect(incarnation).to.equal(1);
    } finally {
      socket.close();
    }
  });

  it('hangs up on a list that claims more members than there can be, before they come', async () => {
    const claim = new MsgpackWriter();
    claim.writeByte(TYPE.pushPull);
    // { Join: false, Nodes: 2^31, UserStateLen: 0 }
    claim.writeBytes(Buffer.from('83a44a6f696ec2a54e6f646573ce80000000ac557365725374617465 4c656e00'.replaceAll(' ', ''), 'hex'));
    const socket = connect({ host, port });
    const ended = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.write(claim.bytes());
    await ended;
    const counts = await dropped();
    expect(Object.keys(counts).some((reason) => /request-malformed|oversized/.test(reason)), JSON.stringify(counts)).to.equal(true);
  });
});
