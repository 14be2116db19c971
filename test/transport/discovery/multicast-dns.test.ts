import { expect } from 'chai';
import { decode, encode, type Packet } from 'dns-packet';
import { parseDiscoverSpec } from '../../../src/config/discover-spec.ts';
import { openGroup, type GroupSocket } from '../../../src/transport/discovery/group-socket.ts';
import { ServiceRecords } from '../../../src/transport/discovery/service-records.ts';
import { discoverBy } from '../../../src/transport/discovery/strategies.ts';
import { DiscoveryBench, type Watching } from '../../support/discovery-world.ts';

const SERVICE = '_omega-mesh._udp.local';
const KINDS = '_services._dns-sd._udp.local';
/** Another for each process that tests at the same time; 5353 may belong to this machine's own responder. */
const PORT = 20_000 + (process.pid % 30_000);

describe('nodes as a service of multicast DNS', () => {
  let bench: DiscoveryBench;
  const sockets: GroupSocket[] = [];
  beforeEach(() => (bench = new DiscoveryBench()));
  afterEach(() => {
    bench.clear();
    for (const socket of sockets.splice(0)) socket.close();
  });
  const watch = (bind: string, isNode = true): Watching =>
    bench.watch(discoverBy(parseDiscoverSpec(`mdns port=${PORT} every=10s`), bench.world({ bind, self: isNode ? { host: bind, port: 7_946 } : undefined })));

  async function hears(watching: Watching, ...hosts: readonly string[]): Promise<void> {
    const wanted = hosts.map((host) => `${host}:7946`).join();
    for (let seen = ''; seen !== wanted; ) {
      const { candidates } = await watching.next();
      seen = candidates.flatMap((each) => ('address' in each ? [`${each.address.host}:${each.address.port}`] : [])).sort().join();
    }
  }

  async function overhear(): Promise<{ readonly packets: Packet[]; readonly socket: GroupSocket }> {
    const packets: Packet[] = [];
    const socket = await openGroup({ kind: 'multicast', host: '224.0.0.251', port: PORT }, '127.0.34.59', { onPacket: (bytes) => void packets.push(...whole(bytes)), onStranger: () => undefined });
    sockets.push(socket);
    return { packets, socket };
  }

  it('find each other, and are found by one who only asks', async () => {
    const [a, b] = [watch('127.0.34.51'), watch('127.0.34.52')];
    await Promise.all([a, b].map((each) => hears(each, '127.0.34.51', '127.0.34.52')));
    await hears(watch('127.0.34.53', false), '127.0.34.51', '127.0.34.52');
  });

  it('say goodbye, and are gone at once', async () => {
    const [a, b] = [watch('127.0.34.51'), watch('127.0.34.52')];
    await hears(a, '127.0.34.51', '127.0.34.52');
    const from = bench.clock.now();
    b.stop();
    await hears(a, '127.0.34.51');
    expect(bench.clock.now() - from).to.be.below(15_000);
  });

  it('are said with the records of RFC 6763, to who asks and does not know them yet', async () => {
    const { packets, socket } = await overhear();
    const node = watch('127.0.34.51');
    await hears(node, '127.0.34.51');
    const instance = `127-0-34-51-7946.${SERVICE}`;
    const response = packets.find(({ type }) => type === 'response')!;
    expect(response.answers).to.have.length(2);
    expect(response.answers![1]).to.deep.include({ type: 'PTR', name: KINDS, data: SERVICE });
    expect(response.answers![0]).to.deep.include({ type: 'PTR', name: SERVICE, ttl: 120, data: instance });
    const records = response.additionals!.map((record) => `${record.type} ${record.name} ${JSON.stringify('data' in record ? record.data : '')}`);
    expect(records[0]).to.include(`SRV ${instance}`).and.include('"port":7946,"target":"127-0-34-51-7946.local"');
    expect(records[2]).to.equal('A 127-0-34-51-7946.local "127.0.34.51"');
    const answers = (): number => packets.filter(({ type }) => type === 'response').length;
    await node.isQuietFor(3_000);
    const before = answers();
    const question: Packet = { type: 'query', questions: [{ type: 'PTR', name: SERVICE }] };
    socket.send(encode({ ...question, answers: [{ type: 'PTR', name: SERVICE, ttl: 100, data: instance }] }));
    await node.isQuietFor(1_000);
    expect(answers()).to.equal(before);
    socket.send(encode(question));
    while (answers() === before) await node.next();
    // Whoever lists the kinds of services there are.
    await node.isQuietFor(1_000);
    const listed = answers();
    socket.send(encode({ type: 'query', questions: [{ type: 'PTR', name: KINDS }] }));
    while (answers() === listed) await node.next();
  });

  it('live through whatever is said to the group', async () => {
    const { socket } = await overhear();
    const node = watch('127.0.34.51');
    // A name that points to itself, half a packet, nothing, far too much.
    const loop = Buffer.concat([Buffer.from('0000840000000001000000', 'hex'), Buffer.from('00c00c000c0001000000780002c00c', 'hex')]);
    const whole = encode({ type: 'response', answers: [{ type: 'PTR', name: SERVICE, ttl: 9, data: `x.${SERVICE}` }] });
    for (const packet of [loop, whole.subarray(0, 30), Buffer.alloc(0), Buffer.alloc(9_000)]) socket.send(packet);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0xff;
      socket.send(changed);
    }
    await hears(node, '127.0.34.51');
  });
});

function whole(bytes: Uint8Array): Packet[] {
  try {
    return [decode(Buffer.from(bytes))];
  } catch {
    return [];
  }
}

describe('the records of a service', () => {
  const NOW = 1_000_000;
  const pointer = (instance: string, ttl = 120) => ({ type: 'PTR', name: SERVICE, ttl, data: `${instance}.${SERVICE}` }) as const;
  const place = (instance: string, target: string, ttl = 120) => ({ type: 'SRV', name: `${instance}.${SERVICE}`, ttl, data: { target, port: 5 } }) as const;
  const host = (name: string, data: string, ttl = 120) => ({ type: 'A', name, ttl, data }) as const;

  it('are put together from several packets, whatever their capitals', () => {
    const records = new ServiceRecords(SERVICE);
    records.hear([pointer('A')], NOW);
    expect(records.candidates).to.deep.equal([{ given: `A.${SERVICE}`, refusal: 'unresolvable', why: 'it has not said at which host and port it is' }]);
    records.hear([place('a', 'H.local')], NOW);
    expect(records.candidates[0]).to.deep.include({ refusal: 'unresolvable', why: 'h.local has not said its address' });
    records.hear([host('h.LOCAL', '127.0.0.2')], NOW);
    expect(records.candidates).to.deep.equal([{ given: `A.${SERVICE}`, address: { host: '127.0.0.2', port: 5 } }]);
  });

  it('are believed as long as they say, and never for long', () => {
    const records = new ServiceRecords(SERVICE);
    records.hear([pointer('a', 2 ** 31), place('a', 'h.local', 2 ** 31), host('h.local', '127.0.0.2', 60)], NOW);
    records.forget(NOW + 60_000);
    expect(records.candidates[0]).to.have.property('refusal', 'unresolvable');
    records.forget(NOW + 75 * 60_000);
    expect(records.candidates).to.deep.equal([]);
  });

  it('of other services are none of ours, and there is a limit to ours', () => {
    const records = new ServiceRecords(SERVICE);
    records.hear([{ type: 'PTR', name: '_other._udp.local', ttl: 9, data: 'x._other._udp.local' }], NOW);
    expect(records.candidates).to.deep.equal([]);
    for (let each = 0; each < 3_000; each++) records.hear([pointer(`i${each}`)], NOW);
    expect(records.candidates).to.have.length(2_048);
  });
});
