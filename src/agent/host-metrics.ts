/** Figures of this host, as far as they can be read. */
import { currentLoad, fsSize, fsStats, mem, networkStats } from 'systeminformation';
import { loadavg } from 'node:os';
import type { Clock } from '../clock.ts';
import type { Sample } from './commands.ts';

/** A figure that cannot be told now: on this host, or before there is a time to take a rate over. */
type Figures = Readonly<Record<string, number | null | undefined>>;

interface MetricSource {
  readonly name: string;
  readonly read: () => Promise<Figures>;
}

/** A reading takes some 50 ms. One that hangs (a network file system that is gone) must not hold up the others. */
const READ_TIMEOUT_MS = 2_000;

const HOST_SOURCES: readonly MetricSource[] = [
  { name: 'cpu', read: async () => ({ 'cpu.used_ratio': (await currentLoad()).currentLoad / 100 }) },
  { name: 'load', read: () => Promise.resolve(loadFigures()) },
  { name: 'memory', read: memoryFigures },
  { name: 'disk', read: diskFigures },
  { name: 'disk-rate', read: diskRateFigures },
  { name: 'network', read: networkFigures },
];

export class HostMetrics {
  readonly #clock: Clock;
  readonly #sources: readonly MetricSource[];
  /** Sources whose last reading has not ended. */
  readonly #busy = new Set<MetricSource>();

  constructor(clock: Clock, sources: readonly MetricSource[] = HOST_SOURCES) {
    this.#clock = clock;
    this.#sources = sources;
  }

  /** Never rejects. What fails, hangs or is still being read is left out; no source is read twice at a time. */
  async read(): Promise<readonly Sample[]> {
    const idle = this.#sources.filter((source) => !this.#busy.has(source));
    const figures = await Promise.all(idle.map((source) => this.#readOne(source)));
    return figures.flatMap((told) => Object.entries(told)).flatMap(([name, value]) => (Number.isFinite(value) ? [{ name, value: value as number }] : []));
  }

  #readOne(source: MetricSource): Promise<Figures> {
    this.#busy.add(source);
    return new Promise((resolve) => {
      const late = this.#clock.setTimer(READ_TIMEOUT_MS, () => resolve({}));
      void Promise.resolve()
        .then(() => source.read())
        .catch(() => ({}))
        .then((figures) => {
          late.cancel();
          this.#busy.delete(source);
          resolve(figures);
        });
    });
  }
}

function loadFigures(): Figures {
  const [one, five, fifteen] = loadavg();
  return { 'load.1m': one, 'load.5m': five, 'load.15m': fifteen };
}

async function memoryFigures(): Promise<Figures> {
  // `active`: without what the kernel keeps in caches and gives back when asked.
  const { active, total, swapused } = await mem();
  return { 'memory.used_bytes': active, 'memory.total_bytes': total, 'memory.used_ratio': active / total, 'swap.used_bytes': swapused };
}

/** The file system at the root; on Windows, the first. */
async function diskFigures(): Promise<Figures> {
  const systems = await fsSize();
  const root = systems.find(({ mount }) => mount === '/') ?? systems[0];
  return root === undefined ? {} : { 'disk.used_bytes': root.used, 'disk.total_bytes': root.size, 'disk.used_ratio': root.used / root.size };
}

async function diskRateFigures(): Promise<Figures> {
  const { rx_sec: read, wx_sec: written } = await fsStats();
  return { 'disk.read_bytes_per_s': read, 'disk.written_bytes_per_s': written };
}

/** The interface of the default route: in a sum over all, bridges and their members would count twice. */
async function networkFigures(): Promise<Figures> {
  const [main] = await networkStats();
  return { 'network.received_bytes_per_s': main?.rx_sec, 'network.sent_bytes_per_s': main?.tx_sec };
}
