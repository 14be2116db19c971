import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import { MeshError } from '../../src/errors.ts';
import { FRAME_BYTES_MAX } from '../../src/transport/grpc-options.ts';
import { Heard, payload, PeerBench, ping, soon } from './session-ends.ts';

describe('a session over gRPC', () => {
  let bench: PeerBench;
  beforeEach(async () => {
    bench = await PeerBench.make();
  });
  afterEach(() => bench.close());

  it('carries frames both ways, in order', async () => {
    const { near, far } = await bench.pair();
    const atNear = new Heard(near);
    const atFar = new Heard(far);
    for (let i = 1; i <= 100; i++) {
      expect(near.send(ping(i))).to.equal('accepted');
      expect(far.send({ pong: { sequence: i } })).to.equal('accepted');
    }
    const numbers = Array.from({ length: 100 }, (_, i) => i + 1);
    expect((await atFar.count(100)).map((frame) => frame.ping?.sequence)).to.deep.equal(numbers);
    expect((await atNear.count(100)).map((frame) => frame.pong?.sequence)).to.deep.equal(numbers);
  });

  it('knows the other end by host and port', async () => {
    const { near, far } = await bench.pair();
    expect(near.remote).to.equal(bench.server.address);
    expect(far.remote).to.match(/^127\.0\.0\.1:\d+$/);
  });

  it('keeps the frames that come before anybody listens', async () => {
    const { near, far } = await bench.pair();
    for (let i = 1; i <= 50; i++) near.send(ping(i));
    // Another session that was opened later and is read to its end gives the first one time to arrive.
    const later = bench.dial(parseAddress(bench.server.address, 0));
    later.send(ping(0));
    await new Heard(await bench.accepted()).count(1);
    expect(await new Heard(far).count(50)).to.have.length(50);
  });

  it('takes frames before the connection stands', async () => {
    const near = bench.dial(await bench.listen());
    expect(near.send(ping(1))).to.equal('accepted');
    expect(await new Heard(await bench.accepted()).count(1)).to.have.length(1);
  });

  for (const side of ['near', 'far'] as const) {
    it(`loses nothing when the ${side === 'near' ? 'server' : 'client'} does not listen before the other is full`, async () => {
      const limits = { framesMax: 64, bytesMax: 512 * 1024 };
      const { near, far } = await bench.pair({ limits }, { limits });
      const [sender, reader] = side === 'near' ? [near, far] : [far, near];
      let sent = 0;
      const fill = async (): Promise<void> => {
        // Sockets and windows take a few megabytes; then the queue fills up and stays so for as many turns as it took to fill.
        for (let fullTurns = 0; fullTurns < 1_000; ) {
          if (sender.send(payload(32 * 1024)) === 'accepted') {
            sent++;
            fullTurns = 0;
          } else {
            fullTurns++;
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await soon(fill(), 'a full queue');
      expect(sent * 32 * 1024).to.be.below(8 * 1024 * 1024);
      const heard = new Heard(reader);
      await heard.count(sent);
      expect(sender.send(ping(1))).to.equal('accepted');
      expect(await heard.count(sent + 1)).to.have.length(sent + 1);
    });
  }

  it('a client that closes delivers what it had sent, and both ends hear of a good end once', async () => {
    const { near, far } = await bench.pair();
    const atNear = new Heard(near);
    const atFar = new Heard(far);
    for (let i = 1; i <= 200; i++) near.send(ping(i));
    near.close();
    near.close(new MeshError('INTERNAL', 'too late to say'));
    expect(near.send(ping(201))).to.equal('closed');
    expect(await atFar.closed()).to.equal(undefined);
    expect(atFar.frames).to.have.length(200);
    expect(await atNear.closed()).to.equal(undefined);
    expect(far.send(ping(1))).to.equal('closed');
    await bench.close();
    expect(atNear.closings).to.have.length(1);
    expect(atFar.closings).to.have.length(1);
  });

  it('a server that closes delivers what it had sent, and then its good end', async () => {
    const { near, far } = await bench.pair();
    const atNear = new Heard(near);
    for (let i = 1; i <= 200; i++) far.send(ping(i));
    far.close();
    expect(await atNear.closed()).to.equal(undefined);
    expect(atNear.frames).to.have.length(200);
  });

  it('a fault of the server reaches the client whole, after the frames before it', async () => {
    const { near, far } = await bench.pair();
    const atNear = new Heard(near);
    const atFar = new Heard(far);
    const fault = new MeshError('REFUSED', 'wrong door', { given: 'node-2 \ud800', expected: 'node-1', todo: 'ask „elsewhere“' });
    for (let i = 1; i <= 20; i++) far.send(ping(i));
    far.close(fault);
    const told = await atNear.closed();
    expect(told).to.be.instanceOf(MeshError);
    expect(told).to.include({ code: 'REFUSED', message: 'wrong door', given: 'node-2 �', expected: 'node-1', todo: 'ask „elsewhere“' });
    expect(told?.stack, 'the stack is this side’s own').not.to.equal(fault.stack);
    expect(atNear.frames).to.have.length(20);
    expect(await atFar.closed()).to.equal(fault);
  });

  it('a fault of the client ends the server’s end as SESSION_CLOSED', async () => {
    const { near, far } = await bench.pair();
    const atFar = new Heard(far);
    const atNear = new Heard(near);
    const fault = new MeshError('MALFORMED', 'a frame out of turn');
    near.close(fault);
    expect((await atFar.closed())?.code).to.equal('SESSION_CLOSED');
    expect(await atNear.closed()).to.equal(fault);
  });

  it('tells of its end also who asks later, and an owner that does not listen of a fault', async () => {
    const { near, far } = await bench.pair();
    far.send(ping(1));
    far.close(new MeshError('OVERLOADED', 'no room'));
    const fault = await soon(new Promise((resolve) => near.onClosed(resolve)), 'the end');
    expect(fault).to.include({ code: 'OVERLOADED' });
    expect(await soon(new Promise((resolve) => far.onClosed(resolve)), 'the end')).to.include({ code: 'OVERLOADED' });
  });

  it('its owner hears of the end when what was sent has gone out, and not before', async () => {
    const { near, far } = await bench.pair();
    const atFar = new Heard(far);
    for (let i = 1; i <= 100; i++) near.send(ping(i));
    near.close();
    await soon(new Promise((resolve) => near.onClosed(resolve)), 'the end');
    expect(atFar.frames).to.have.length(100);
  });

  it('does not wait for ever for the other side to read the last frames', async () => {
    const { near } = await bench.pair();
    for (let i = 0; i < 100; i++) near.send(payload(64 * 1024));
    near.close();
    expect(await soon(new Promise((resolve) => near.onClosed(resolve)), 'the end')).to.equal(undefined);
  });

  it('the frame over the limit closes the sender’s end with TOO_LARGE', async () => {
    const { near, far } = await bench.pair();
    const atNear = new Heard(near);
    const atFar = new Heard(far);
    expect(near.send(payload(FRAME_BYTES_MAX))).to.equal('closed');
    expect((await atNear.closed())?.code).to.equal('TOO_LARGE');
    expect((await atFar.closed())?.code).to.equal('SESSION_CLOSED');
  });

  it('a frame larger than the queue’s limit goes out alone', async () => {
    const { near, far } = await bench.pair({}, { limits: { framesMax: 4, bytesMax: 1_000 } });
    const atFar = new Heard(far);
    expect(near.send(payload(100_000))).to.equal('accepted');
    expect(near.send(ping(1))).to.equal('full');
    expect(await atFar.count(1)).to.have.length(1);
  });
});

describe('a session that fails', () => {
  let bench: PeerBench;
  beforeEach(async () => {
    bench = await PeerBench.make();
  });
  afterEach(() => bench.close());

  it('is NODE_UNREACHABLE when nobody listens', async () => {
    const address = await bench.listen();
    await bench.server.close(0);
    const fault = await new Heard(bench.dial(address)).closed();
    expect(fault?.code).to.equal('NODE_UNREACHABLE');
    expect(fault?.message).to.contain(bench.server.address);
  });

  it('is NODE_UNREACHABLE when what listens never answers', async () => {
    const mute = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const near = bench.dial({ host: '127.0.0.1', port: (mute.address() as AddressInfo).port }, { connectTimeoutMs: 50 });
    const fault = await new Heard(near).closed();
    expect(fault).to.include({ code: 'NODE_UNREACHABLE', given: '50 ms of waiting' });
    // A server closes when its connections have: none is left behind.
    await soon(new Promise((resolve) => mute.close(resolve)), 'the connection to be given up');
  });

  it('is NODE_UNREACHABLE when the server is killed', async () => {
    const { near, far } = await bench.pair();
    const atNear = new Heard(near);
    near.send(ping(1));
    await new Heard(far).count(1);
    await bench.server.close(0);
    expect((await atNear.closed())?.code).to.be.oneOf(['NODE_UNREACHABLE', 'SESSION_CLOSED']);
    expect(near.send(ping(2))).to.equal('closed');
  });

  it('one session too many is refused with OVERLOADED, and taken when another has ended', async () => {
    const address = await bench.listen({ sessionsMax: 1 });
    const first = bench.dial(address);
    const atFirst = new Heard(await bench.accepted());
    const fault = await new Heard(bench.dial(address)).closed();
    expect(fault).to.include({ code: 'OVERLOADED', expected: 'at most 1 peer sessions' });
    first.close();
    await atFirst.closed();
    const third = bench.dial(address);
    third.send(ping(1));
    expect(await new Heard(await bench.accepted()).count(1)).to.have.length(1);
  });
});
