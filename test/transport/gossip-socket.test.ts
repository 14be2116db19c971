import { expect } from 'chai';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { openGossipSocket } from '../../src/transport/gossip-socket.ts';
import type { GossipListener, GossipTransport } from '../../src/transport/gossip-transport.ts';
import { bytes, faultOf, gossipTransportContract, listenAt } from './gossip-transport-contract.ts';
import { soon } from './session-ends.ts';

const HOST = '127.0.0.1';

/** Once the connection is gone, in whatever way. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

gossipTransportContract('on UDP and TCP', () => ({ open: (port = 0) => openGossipSocket({ host: HOST, port }) }));

describe('the gossip socket', () => {
  const opened: GossipTransport[] = [];

  const open = async (...options: Parameters<typeof openGossipSocket> | []): Promise<GossipTransport> => {
    const [bind = { host: HOST, port: 0 }, rest] = options;
    const transport = await openGossipSocket(bind, rest);
    opened.push(transport);
    return transport;
  };

  afterEach(() => Promise.all(opened.splice(0).map((transport) => transport.close())));

  it('names the protocol that finds its port taken: TCP', async () => {
    const other = createServer().listen(0, HOST);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const fault = await faultOf(open({ host: HOST, port }));
    expect(fault).to.include({ code: 'PORT_IN_USE', message: `TCP port ${port} on ${HOST} is in use`, given: `${HOST}:${port}`, todo: 'stop the process that holds it, or choose another with --gossip-port' });
    other.close();
  });

  it('names the protocol that finds its port taken: UDP, and lets go of TCP', async () => {
    const other = createSocket('udp4').bind(0, HOST);
    await once(other, 'listening');
    const { port } = other.address();
    expect((await faultOf(open({ host: HOST, port }))).message).to.equal(`UDP port ${port} on ${HOST} is in use`);
    other.close();
    await once(other, 'close');
    expect((await open({ host: HOST, port })).local.port).to.equal(port);
  });

  for (const host of ['0.0.0.0', '::', 'localhost', '192.0.2.1']) {
    it(`does not bind to ${host}, at which no other node reaches this one`, async () => {
      const fault = await faultOf(open({ host, port: 0 }));
      expect(fault).to.include({ code: 'BAD_ADDRESS', given: host });
    });
  }

  it('speaks IPv6', async function () {
    const a = await open({ host: '::1', port: 0 }).catch(() => this.skip());
    const b = await open({ host: '::1', port: 0 });
    const atB = listenAt(b, (request, reply) => reply(request));
    listenAt(a);
    a.send(b.local, bytes('hello'));
    expect(await atB.packet()).to.deep.equal({ text: 'hello', from: a.local });
    expect(await soon(a.request(b.local, bytes('x!'), 1_000), 'the reply')).to.deep.equal(Buffer.from('x!'));
  });

  it('reads a request that comes in pieces from a peer that closes its side at once', async () => {
    const b = await open();
    listenAt(b, (request, reply) => reply(request));
    const client = connect({ ...b.local, allowHalfOpen: true });
    client.write('hel');
    client.end('lo!');
    const [reply] = (await soon(once(client, 'data'), 'the reply')) as [Buffer];
    expect(reply.toString()).to.equal('hello!');
    await soon(once(client, 'end'), 'the end');
  });

  it('counts a request that ends before it is whole', async () => {
    const b = await open();
    listenAt(b);
    const client = connect(b.local).on('error', () => undefined);
    client.end('half');
    await soon(closeOf(client), 'the close');
    expect(b.dropped).to.deep.equal({ 'request-ended-early': 1 });
  });

  it('hangs up on who takes too long', async () => {
    const b = await open({ host: HOST, port: 0 }, { exchangeMs: 30 });
    listenAt(b);
    const client = connect(b.local).on('error', () => undefined);
    client.write('never');
    await soon(closeOf(client), 'the close');
    expect(b.dropped).to.deep.equal({ 'exchange-timeout': 1 });
  });

  it('hangs up on who sends more than any mesh has to say', async () => {
    const b = await open();
    listenAt(b);
    const client = connect(b.local).on('error', () => undefined);
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    for (let i = 0; i < 21; i++) client.write(chunk);
    await soon(closeOf(client), 'the close');
    expect(b.dropped['request-too-large']).to.equal(1);
  });

  it('takes a limited number of connections, and counts the one too many', async () => {
    const b = await open();
    listenAt(b);
    const clients = Array.from({ length: 129 }, () => connect(b.local).on('error', () => undefined));
    await soon(Promise.race(clients.map(closeOf)), 'the refusal');
    expect(b.dropped).to.deep.equal({ 'connections-max': 1 });
    for (const client of clients) client.destroy();
  });

  describe('holds 64 megabytes of what others ask and are told', () => {
    const MEGABYTES_18 = Buffer.alloc(18 * 1024 * 1024, 'x');
    let replies: ((reply: Uint8Array) => void)[];
    let hear: () => void;

    /** One that replies when it is told to. */
    const openSlow = async (): Promise<GossipTransport> => {
      const b = await open();
      replies = [];
      const onRequest: GossipListener['onRequest'] = (_request, reply) => {
        replies.push(reply);
        hear();
      };
      b.listen({ onPacket: () => undefined, onRequest, newMeasure: () => ({ measure: (received) => (received.at(-1) === 0x21 ? 'whole' : 'more') }) });
      return b;
    };

    const ask = (b: GossipTransport, ...pieces: (Buffer | string)[]): Socket => {
      const client = connect(b.local).on('error', () => undefined);
      for (const piece of pieces) client.write(piece);
      return client;
    };

    /** Until that many requests wait for their reply. */
    const waiting = async (count: number): Promise<void> => {
      while (replies.length < count) await soon(new Promise<void>((resolve) => (hear = resolve)), 'a request');
    };

    beforeEach(() => {
      hear = () => undefined;
    });

    it('and hangs up on who would make it more', async () => {
      const b = await openSlow();
      const clients = Array.from({ length: 4 }, () => ask(b, MEGABYTES_18));
      await soon(Promise.race(clients.map(closeOf)), 'the refusal');
      expect(b.dropped).to.deep.equal({ 'request-backlog': 1 });
      for (const client of clients) client.destroy();
    });

    it('and holds a request until it is replied to, though its sender is gone', async () => {
      const b = await openSlow();
      const clients = Array.from({ length: 3 }, () => ask(b, MEGABYTES_18, '!'));
      await waiting(3);
      for (const client of clients) client.resetAndDestroy();
      while (b.dropped['connection-lost'] !== 3) await setImmediate();
      await soon(closeOf(ask(b, MEGABYTES_18, '!')), 'the refusal');
      expect(b.dropped).to.include({ 'request-backlog': 1 });
      for (const reply of replies) reply(bytes('late'));
      ask(b, MEGABYTES_18, '!');
      await waiting(4);
    });

    it('and a reply until it is read', async () => {
      const b = await openSlow();
      const clients = Array.from({ length: 4 }, () => ask(b, '!').pause());
      await waiting(4);
      for (const reply of replies) reply(MEGABYTES_18);
      expect(b.dropped).to.deep.equal({ 'reply-backlog': 1 });
      for (const client of clients) client.destroy();
    });
  });

  it('lets go of all connections when it is closed', async () => {
    const b = await open();
    listenAt(b, () => undefined);
    const client = connect(b.local).on('error', () => undefined);
    client.write('hello!');
    await soon(once(client, 'connect'), 'the connection');
    await soon(b.close(), 'the close of the socket');
    await soon(closeOf(client), 'the close of the connection');
  });
});
