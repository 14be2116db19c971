/** What every gossip transport promises; the real one and the one in memory are held to the same. */
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { isConnectionRefused } from '../../src/system-error.ts';
import type { GossipAddress, GossipListener, GossipTransport } from '../../src/transport/gossip-transport.ts';
import { soon } from './session-ends.ts';

export interface TransportWorld {
  /** Port 0, or none, takes a free one. */
  open(port?: number): Promise<GossipTransport>;
}

type Serve = GossipListener['onRequest'];

/** A message of the contract's own protocol: `!` ends it, `?` is malformed. */
const measure = {
  measure(received: Uint8Array): 'more' | 'whole' | 'malformed' {
    if (received.includes(0x3f)) return 'malformed';
    return received.at(-1) === 0x21 ? 'whole' : 'more';
  },
};

/** What came in at one end, and a way to wait for it. */
class Inbox {
  readonly packets: { readonly text: string; readonly from: GossipAddress }[] = [];
  #wake: () => void = () => undefined;

  constructor(transport: GossipTransport, serve: Serve = (_request, reply) => reply(undefined)) {
    transport.listen({
      onPacket: (packet, from) => {
        this.packets.push({ text: text(packet), from });
        this.#wake();
      },
      onRequest: serve,
      newMeasure: () => measure,
    });
  }

  async packet(): Promise<{ readonly text: string; readonly from: GossipAddress }> {
    while (this.packets.length === 0) await soon(new Promise<void>((resolve) => (this.#wake = resolve)), 'a packet');
    return this.packets.shift()!;
  }
}

export function listenAt(transport: GossipTransport, serve?: Serve): Inbox {
  return new Inbox(transport, serve);
}

export function bytes(content: string): Uint8Array {
  return Buffer.from(content);
}

function text(content: Uint8Array): string {
  return Buffer.from(content).toString();
}

/** The fault that `promise` fails with. */
export async function faultOf(promise: Promise<unknown>): Promise<MeshError> {
  const outcome = await soon(promise.then(() => 'no fault', (error: unknown) => error), 'a fault');
  if (outcome instanceof MeshError) return outcome;
  throw new Error(`failed in another way: ${String(outcome)}`);
}

export function gossipTransportContract(name: string, newWorld: () => TransportWorld): void {
  describe(`the gossip transport, ${name}`, () => {
    let world: TransportWorld;
    let opened: GossipTransport[];

    const open = async (serve?: Serve): Promise<[GossipTransport, Inbox]> => {
      const transport = await world.open();
      opened.push(transport);
      return [transport, listenAt(transport, serve)];
    };

    beforeEach(() => {
      world = newWorld();
      opened = [];
    });

    afterEach(() => Promise.all(opened.map((transport) => transport.close())));

    it('carries a packet, with the address to answer to', async () => {
      const [[a, atA], [b, atB]] = [await open(), await open()];
      a.send(b.local, bytes('hello'));
      const { text: content, from } = await atB.packet();
      expect(content).to.equal('hello');
      b.send(from, bytes('and you'));
      expect((await atA.packet()).text).to.equal('and you');
    });

    it('loses a packet to nobody without a word', async () => {
      const [[a], [b, atB], [c]] = [await open(), await open(), await open()];
      await c.close();
      a.send(c.local, bytes('lost'));
      a.send(b.local, bytes('found'));
      expect((await atB.packet()).text).to.equal('found');
    });

    it('answers a request', async () => {
      const [[a], [b]] = [await open(), await open((request, reply) => reply(bytes(`re: ${text(request)}`)))];
      expect(text(await soon(a.request(b.local, bytes('hello!'), 1_000), 'the reply'))).to.equal('re: hello!');
    });

    it('answers a request later', async () => {
      const [[a], [b]] = [await open(), await open((_request, reply) => void setTimeout(() => reply(bytes('at last!')), 5))];
      expect(text(await soon(a.request(b.local, bytes('hello!'), 1_000), 'the reply'))).to.equal('at last!');
    });

    it('answers many requests at once, each with its own reply', async () => {
      const [[a], [b]] = [await open(), await open((request, reply) => reply(request))];
      const asked = Array.from({ length: 40 }, (_, i) => `${i}!`);
      const replies = await soon(Promise.all(asked.map((request) => a.request(b.local, bytes(request), 2_000))), 'the replies');
      expect(replies.map(text)).to.deep.equal(asked);
    });

    it('carries a request and a reply of a megabyte', async () => {
      const [[a], [b]] = [await open(), await open((request, reply) => reply(request))];
      const large = `${'x'.repeat(1_000_000)}!`;
      expect((await soon(a.request(b.local, bytes(large), 5_000), 'the reply')).length).to.equal(large.length);
    });

    it('says NODE_UNREACHABLE when nobody listens', async () => {
      const [[a], [b]] = [await open(), await open()];
      await b.close();
      const fault = await faultOf(a.request(b.local, bytes('hello!'), 1_000));
      expect(fault.code).to.equal('NODE_UNREACHABLE');
      expect(isConnectionRefused(fault)).to.equal(true);
      expect(fault.message).to.contain(String(b.local.port));
    });

    it('says NODE_UNREACHABLE when the reply does not come in time', async () => {
      const [[a], [b]] = [await open(), await open(() => undefined)];
      const fault = await faultOf(a.request(b.local, bytes('hello!'), 30));
      expect(fault.code).to.equal('NODE_UNREACHABLE');
      expect(isConnectionRefused(fault)).to.equal(false);
      expect(fault.message).to.contain('30 ms');
    });

    it('says NODE_UNREACHABLE when the request is not answered', async () => {
      const [[a], [b]] = [await open(), await open((_request, reply) => reply(undefined))];
      expect((await faultOf(a.request(b.local, bytes('hello!'), 1_000))).code).to.equal('NODE_UNREACHABLE');
    });

    it('does not pass on a malformed request, and counts it', async () => {
      const heard: string[] = [];
      const [[a], [b]] = [await open(), await open((request) => void heard.push(text(request)))];
      expect((await faultOf(a.request(b.local, bytes('hel?lo!'), 1_000))).code).to.equal('NODE_UNREACHABLE');
      expect(heard).to.deep.equal([]);
      expect(b.dropped).to.deep.equal({ 'request-malformed': 1 });
    });

    it('says MALFORMED when the reply does not follow the protocol', async () => {
      const [[a], [b]] = [await open(), await open((_request, reply) => reply(bytes('what?')))];
      expect((await faultOf(a.request(b.local, bytes('hello!'), 1_000))).code).to.equal('MALFORMED');
    });

    it('fails what is under way when it is closed', async () => {
      const [[a], [b]] = [await open(), await open(() => undefined)];
      const asked = a.request(b.local, bytes('hello!'), 10_000);
      await a.close();
      expect((await faultOf(asked)).code).to.equal('SESSION_CLOSED');
    });

    it('takes nothing more once it is closed', async () => {
      const [[a], [b]] = [await open(), await open()];
      await a.close();
      await a.close();
      a.send(b.local, bytes('too late'));
      expect((await faultOf(a.request(b.local, bytes('hello!'), 1_000))).code).to.equal('SESSION_CLOSED');
    });

    it('gives its port free when it is closed', async () => {
      const [a] = await open();
      await a.close();
      const again = await world.open(a.local.port);
      opened.push(again);
      expect(again.local).to.deep.equal(a.local);
    });

    it('says PORT_IN_USE when the port is taken', async () => {
      const [a] = await open();
      const fault = await faultOf(world.open(a.local.port));
      expect(fault.code).to.equal('PORT_IN_USE');
      expect(fault.message).to.contain(String(a.local.port));
    });
  });
}
