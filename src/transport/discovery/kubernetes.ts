/**
 * The endpoints of a Kubernetes service: its EndpointSlices are listed, then watched until the watch ends, however it does
 * (410 Gone, a token that has expired, a server that went away), then listed anew. A list is one small answer, and needs no
 * memory of what was missed.
 */
import type * as kubernetesClient from '@kubernetes/client-node';
import type { SpecOf } from '../../config/discover-spec.ts';
import { absolutePath } from '../../config/home-path.ts';
import { MeshError } from '../../errors.ts';
import { systemErrorMeaning } from '../../system-error.ts';
import type { Discover, DiscoveryWorld } from './discovery.ts';
import { Bell, pause } from './pause.ts';
import { candidatesOf, type EndpointSlice } from './endpoint-slices.ts';

type Client = typeof kubernetesClient;
type KubeConfig = kubernetesClient.KubeConfig;

/** The server ends a watch after this; one that it does not is given up a while later. */
const WATCH_MS = 4 * 60_000;
const WATCH_PATIENCE_MS = 5 * 60_000;
const LIST_MS = 10_000;
const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 30_000;

export function kubernetes(spec: SpecOf<'k8s'>, world: DiscoveryWorld): Discover {
  return async function* (signal) {
    const client = await loadClient();
    let slices = new Map<string, EndpointSlice>();
    let failures = 0;
    while (!signal.aborted) {
      const life = new AbortController();
      const over = AbortSignal.any([signal, life.signal]);
      try {
        // Read anew each time: what it says of tokens and servers may be another by now.
        const config = configOf(client, spec, world);
        const list = await listed(client, config, spec, world, over);
        slices = new Map(list.items.map((slice) => [slice.metadata?.name ?? '', slice]));
        failures = 0;
        yield { candidates: candidatesOf([...slices.values()], spec['port-name']) };
        const watch = new SliceWatch(client, config, spec, slices, world);
        void watch.run(list.metadata?.resourceVersion ?? '', over);
        while (await watch.hasNews(over)) yield { candidates: candidatesOf([...slices.values()], spec['port-name']) };
        if (watch.failure !== undefined) throw watch.failure;
      } catch (error) {
        // Bugs of a program in this one would end every try alike; what a server says may pass.
        failures++;
        yield { candidates: candidatesOf([...slices.values()], spec['port-name']), trouble: `the API server: ${meaningOf(error)}` };
      } finally {
        life.abort();
      }
      await pause(Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.max(0, failures - 1)), world, signal);
    }
  };
}

/** @throws MeshError BAD_CONFIG when it is not installed: it has 50 MB, and most meshes need none of it */
async function loadClient(): Promise<Client> {
  try {
    return await import('@kubernetes/client-node');
  } catch (cause) {
    throw new MeshError('BAD_CONFIG', 'the strategy k8s needs the package @kubernetes/client-node', { todo: 'npm install @kubernetes/client-node@1', cause });
  }
}

function configOf({ KubeConfig }: Client, { kubeconfig }: SpecOf<'k8s'>, { home }: DiscoveryWorld): KubeConfig {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(absolutePath(kubeconfig, home));
  return config;
}

async function listed({ DiscoveryV1Api }: Client, config: KubeConfig, { namespace, service }: SpecOf<'k8s'>, world: DiscoveryWorld, signal: AbortSignal) {
  const late = pause(LIST_MS, world, signal).then((): never => {
    throw new Error(`no answer within ${LIST_MS / 1_000} s`);
  });
  return Promise.race([config.makeApiClient(DiscoveryV1Api).listNamespacedEndpointSlice({ namespace, labelSelector: selectorOf(service) }), late]);
}

/** One watch. It changes `slices` as the server says, and rings for each change. */
class SliceWatch {
  failure: unknown;
  readonly #client: Client;
  readonly #config: KubeConfig;
  readonly #spec: SpecOf<'k8s'>;
  readonly #slices: Map<string, EndpointSlice>;
  readonly #world: DiscoveryWorld;
  readonly #bell: Bell;
  #isOver = false;
  #changes = 0;
  #told = 0;

  constructor(client: Client, config: KubeConfig, spec: SpecOf<'k8s'>, slices: Map<string, EndpointSlice>, world: DiscoveryWorld) {
    this.#client = client;
    this.#config = config;
    this.#spec = spec;
    this.#slices = slices;
    this.#world = world;
    this.#bell = new Bell(world);
  }

  async run(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { namespace, service } = this.#spec;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const query = { resourceVersion, labelSelector: selectorOf(service), timeoutSeconds: WATCH_MS / 1_000 };
    try {
      const request = await new this.#client.Watch(this.#config).watch(
        path,
        query,
        (phase, object: EndpointSlice) => this.#hear(phase, object),
        (error: unknown) => this.#end(error),
      );
      signal.addEventListener('abort', () => request.abort());
      if (signal.aborted) request.abort();
    } catch (error) {
      this.#end(error);
    }
  }

  /** False when this watch is over. */
  async hasNews(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#world;
    const untilMs = clock.now() + WATCH_PATIENCE_MS;
    while (this.#changes === this.#told && !this.#isOver && !signal.aborted && clock.now() < untilMs) await this.#bell.wait(untilMs - clock.now(), signal);
    const hasChanged = this.#changes > this.#told;
    this.#told = this.#changes;
    return hasChanged && !signal.aborted;
  }

  #hear(phase: string, object: EndpointSlice): void {
    // A status such as 410 Gone: the list that follows is the answer to all of them.
    if (phase === 'ERROR') return this.#end(undefined);
    const name = object.metadata?.name ?? '';
    if (phase === 'DELETED') this.#slices.delete(name);
    else if (phase === 'ADDED' || phase === 'MODIFIED') this.#slices.set(name, object);
    else return;
    this.#changes++;
    this.#bell.ring();
  }

  #end(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const isGone = (error as { readonly statusCode?: number } | null)?.statusCode === 410;
    if (error !== null && error !== undefined && !isGone) this.failure = error;
    this.#bell.ring();
  }
}

function selectorOf(service: string): string {
  return `kubernetes.io/service-name=${service}`;
}

/** Its body may hold what is none of a log's business. */
function meaningOf(error: unknown): string {
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  const status = typeof code === 'number' ? code : statusCode;
  if (status === 401) return 'it does not take the token (401)';
  if (status === 403) return 'this account may not list and watch endpointslices of discovery.k8s.io in this namespace (403)';
  if (typeof status === 'number') return `it answers with ${status}`;
  return systemErrorMeaning(error) ?? (error instanceof Error ? error.message.split('\n', 1)[0]! : String(error));
}
