import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../src/clock.ts';
import { parseDiscoverSpec } from '../../../src/config/discover-spec.ts';
import type { Found } from '../../../src/transport/discovery/discovery.ts';
import { candidatesOf, type EndpointSlice } from '../../../src/transport/discovery/endpoint-slices.ts';
import { discoverBy } from '../../../src/transport/discovery/strategies.ts';
import { DiscoveryBench, type Watching } from '../../support/discovery-world.ts';
import { KubernetesApi } from '../../support/kubernetes-api.ts';

const GOSSIP = [{ name: 'gossip', port: 7_946, protocol: 'UDP' }];

function slice(name: string, ...hosts: readonly string[]): EndpointSlice {
  return { metadata: { name, namespace: 'prod' }, addressType: 'IPv4', ports: GOSSIP, endpoints: hosts.map((host) => ({ addresses: [host], targetRef: { kind: 'Pod', name: `pod-${host}` } })) };
}

const hostsOf = ({ candidates }: Found): string[] => candidates.map((each) => ('address' in each ? each.address.host : each.refusal)).sort();

describe('the endpoints of a Kubernetes service', function () {
  // The first test loads the client.
  this.timeout(30_000);
  let bench: DiscoveryBench;
  let api: KubernetesApi;
  let home: string;
  beforeEach(async () => {
    bench = new DiscoveryBench();
    api = await KubernetesApi.open();
    home = mkdtempSync(join(tmpdir(), 'mesh-k8s-'));
    useToken('first');
    await import('@kubernetes/client-node');
  });
  const useToken = (token: string): void => useUser({ token });
  const useUser = (user: object): void => {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'here',
      clusters: [{ name: 'here', cluster: { server: api.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'me', user }],
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    };
    writeFileSync(join(home, 'config'), JSON.stringify(config));
  };
  afterEach(async () => {
    bench.clear();
    await api.close();
    rmSync(home, { recursive: true });
  });
  // The server is real, and so are its answers' times.
  const watch = (): Watching => bench.watch(discoverBy(parseDiscoverSpec('k8s namespace=prod service=mesh port-name=gossip kubeconfig=~/config'), bench.world({ home, clock: systemClock })));
  const becomes = async (watching: Watching, ...hosts: readonly string[]): Promise<Found> => {
    for (;;) {
      const found = await watching.next();
      if (hostsOf(found).join() === hosts.join()) return found;
    }
  };
  const isWatched = async (): Promise<void> => {
    while (api.watches === 0) await new Promise((resolve) => void setImmediate(resolve));
  };

  it('are listed, and then watched', async () => {
    api.put(slice('mesh-1', '127.0.0.2'));
    const watching = watch();
    expect(await watching.next()).to.deep.equal({ candidates: [{ given: 'pod-127.0.0.2', address: { host: '127.0.0.2', port: 7_946 } }] });
    await isWatched();
    api.put(slice('mesh-2', '127.0.0.3'));
    await becomes(watching, '127.0.0.2', '127.0.0.3');
    api.put(slice('mesh-1', '127.0.0.4'));
    await becomes(watching, '127.0.0.3', '127.0.0.4');
    api.delete('mesh-2');
    await becomes(watching, '127.0.0.4');
    const path = '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices kubernetes.io/service-name=mesh';
    expect(api.asked).to.deep.equal([`list ${path}`, `watch ${path}`]);
  });

  it('are listed anew when the watch is too old to be gone on with, in its stream or at once', async () => {
    const watching = watch();
    api.put(slice('mesh-1', '127.0.0.2'));
    await becomes(watching, '127.0.0.2');
    await isWatched();
    api.expireWatches(() => api.put(slice('mesh-1', '127.0.0.3')));
    expect(await becomes(watching, '127.0.0.3')).to.not.have.property('trouble');
    await isWatched();
    api.watchStatus = 410;
    api.endWatches();
    api.put(slice('mesh-1', '127.0.0.4'));
    expect(await becomes(watching, '127.0.0.4')).to.not.have.property('trouble');
  });

  it('stay when the token has expired, until there is another', async () => {
    api.put(slice('mesh-1', '127.0.0.2'));
    const watching = watch();
    await becomes(watching, '127.0.0.2');
    await isWatched();
    api.token = 'second';
    api.endWatches();
    const { candidates, trouble } = await watching.next();
    expect(trouble).to.equal('the API server: it does not take the token (401)');
    expect(candidates).to.have.length(1);
    api.put(slice('mesh-1', '127.0.0.3'));
    useToken('second');
    expect(await becomes(watching, '127.0.0.3')).to.not.have.property('trouble');
  });

  it('are found again with the token that is in the file by then, as in a pod, where it changes each hour', async () => {
    const tokenFile = join(home, 'token');
    writeFileSync(tokenFile, 'first');
    // What the client makes of a pod's account.
    useUser({ 'auth-provider': { name: 'tokenFile', config: { tokenFile } } });
    api.put(slice('mesh-1', '127.0.0.2'));
    const watching = watch();
    await becomes(watching, '127.0.0.2');
    await isWatched();
    api.token = 'second';
    writeFileSync(tokenFile, 'second');
    api.endWatches();
    api.put(slice('mesh-1', '127.0.0.3'));
    expect(await becomes(watching, '127.0.0.3')).to.not.have.property('trouble');
    api.token = 'third';
    api.endWatches();
    expect((await watching.next()).trouble, 'with a file that is behind').to.equal('the API server: it does not take the token (401)');
    writeFileSync(tokenFile, 'third');
    api.put(slice('mesh-1', '127.0.0.4'));
    expect(await becomes(watching, '127.0.0.4')).to.not.have.property('trouble');
  });

  it('stay when the server is gone, or says no', async () => {
    api.put(slice('mesh-1', '127.0.0.2'));
    const watching = watch();
    await becomes(watching, '127.0.0.2');
    await isWatched();
    api.watchStatus = 403;
    api.endWatches();
    let found = await watching.next();
    while (found.trouble === undefined) found = await watching.next();
    expect(found.trouble).to.include('may not list and watch endpointslices');
    await api.close();
    while (!/refused|ECONN/.test(found.trouble ?? '')) found = await watching.next();
    expect(hostsOf(found)).to.deep.equal(['127.0.0.2']);
  });
});

describe('an EndpointSlice', () => {
  it('has a port of that name, or only one', () => {
    const [wrong] = candidatesOf([slice('a', '127.0.0.2')], 'serf');
    expect(wrong).to.deep.equal({ given: 'pod-127.0.0.2', refusal: 'other-port', why: 'there is no port serf; its ports: gossip' });
    expect(candidatesOf([slice('a', '127.0.0.2')], undefined)[0]).to.have.property('address');
    const two = { ...slice('a', '127.0.0.2'), ports: [...GOSSIP, { name: 'grpc', port: 7_947 }] };
    expect(candidatesOf([two], undefined)[0]).to.deep.include({ why: 'no port-name was given; its ports: gossip, grpc' });
  });

  it('has endpoints that are not ready yet, and none that are being stopped', () => {
    const endpoints = [
      { addresses: ['127.0.0.2'], conditions: { ready: false } },
      { addresses: ['127.0.0.3'], conditions: { ready: false, serving: true, terminating: true } },
    ];
    expect(candidatesOf([{ ...slice('a'), endpoints }], 'gossip')).to.deep.equal([
      { given: '127.0.0.2', address: { host: '127.0.0.2', port: 7_946 } },
      { given: '127.0.0.3', refusal: 'not-ready', why: 'it is being stopped' },
    ]);
  });

  it('may hold anything that a server can send', () => {
    expect(candidatesOf([{ addressType: 'IPv4', endpoints: [] }], undefined)).to.deep.equal([]);
    expect(candidatesOf([{ addressType: 'FQDN', endpoints: [{ addresses: ['a.test'] }] }], undefined)[0]).to.have.property('refusal', 'unresolvable');
    expect(candidatesOf([{ addressType: 'IPv4', ports: GOSSIP, endpoints: [{ addresses: [] }] }], undefined)).to.have.length(1);
  });
});
