import { expect } from 'chai';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { openGossipSocket } from '../../src/transport/gossip-socket.ts';
import type { GossipTransport } from '../../src/transport/gossip-transport.ts';
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
    expect(fault).to.include({ code: 'PORT_IN_USE', message: `TCP port ${port} on ${HOST} is in use`, given: `${HOST}:${port}` });
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
