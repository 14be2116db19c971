import { expect } from 'chai';
import { parseDiscoverSpec } from '../../../src/config/discover-spec.ts';
import { discoverBy } from '../../../src/transport/discovery/strategies.ts';
import { DiscoveryBench, type Watching } from '../../support/discovery-world.ts';
import { DnsServer } from '../../support/dns-server.ts';

describe('names at a name server', () => {
  let bench: DiscoveryBench;
  let server: DnsServer;
  beforeEach(async () => {
    bench = new DiscoveryBench();
    server = await DnsServer.open();
  });
  afterEach(() => {
    bench.clear();
    server.close();
  });
  const watch = (spec: string): Watching => bench.watch(discoverBy(parseDiscoverSpec(`${spec} resolver=${server.address}`), bench.world()));

  it('are all addresses of both families that a name has', async () => {
    server.a('mesh.test', '127.0.0.2', '127.0.0.3');
    server.records.set('mesh.test AAAA', [{ type: 'AAAA', name: 'mesh.test', ttl: 1, data: '::1' }]);
    expect(await watch('dns name=mesh.test port=7000').next()).to.deep.equal({
      candidates: [
        { given: 'mesh.test → 127.0.0.2', address: { host: '127.0.0.2', port: 7_000 } },
        { given: 'mesh.test → 127.0.0.3', address: { host: '127.0.0.3', port: 7_000 } },
        { given: 'mesh.test → ::1', address: { host: '::1', port: 7_000 } },
      ],
    });
  });

  it('are asked for again, as often as was said', async () => {
    server.a('mesh.test', '127.0.0.2');
    const watching = watch('dns name=mesh.test every=10s');
    await watching.next();
    server.a('mesh.test', '127.0.0.3');
    expect(JSON.stringify(await watching.next())).to.include('127.0.0.3').and.not.include('127.0.0.2');
    expect(bench.clock.now()).to.be.within(8_000, 13_000);
  });

  it('stay as they were while the server fails, and are nobody when it says so', async () => {
    server.a('mesh.test', '127.0.0.2');
    const watching = watch('dns name=mesh.test');
    const { candidates } = await watching.next();
    server.mood = 'failing';
    expect(await watching.next()).to.deep.equal({ candidates, trouble: 'the name server failed (ESERVFAIL)' });
    server.mood = 'well';
    server.records.clear();
    expect(await watching.next()).to.deep.equal({ candidates: [], trouble: 'there is no such name (ENOTFOUND)' });
    server.a('mesh.test', '127.0.0.2');
    expect(await watching.next()).to.deep.equal({ candidates });
  });

  it('are the targets of a service with their ports, the preferred first', async () => {
    server.srv('_mesh._udp.test', { target: 'b.test', port: 2, priority: 20 }, { target: 'a.test', port: 1, priority: 10 }, { target: 'gone.test', port: 3, priority: 30 });
    server.a('a.test', '127.0.0.2');
    server.a('b.test', '127.0.0.3');
    expect(await watch('srv name=_mesh._udp.test').next()).to.deep.equal({
      candidates: [
        { given: 'a.test:1', address: { host: '127.0.0.2', port: 1 } },
        { given: 'b.test:2', address: { host: '127.0.0.3', port: 2 } },
        { given: 'gone.test:3', refusal: 'unresolvable', why: 'there is no such name (ENOTFOUND)' },
      ],
    });
  });

  it('are nobody when a service is said not to be there', async () => {
    server.srv('_mesh._udp.test', { target: '.', port: 0 });
    expect(await watch('srv name=_mesh._udp.test').next()).to.deep.equal({ candidates: [] });
  });

  it('are looked up as every other program does where no server is named', async () => {
    bench.names['mesh.test'] = ['127.0.0.9'];
    const watching = bench.watch(discoverBy(parseDiscoverSpec('dns name=mesh.test'), bench.world()));
    expect(await watching.next()).to.deep.equal({ candidates: [{ given: 'mesh.test → 127.0.0.9', address: { host: '127.0.0.9', port: 7_946 } }] });
    expect(server.asked).to.deep.equal([]);
  });
});
