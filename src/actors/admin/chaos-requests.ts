/** An operator's faults: who is hit, what goes on, and that it ends with the stream of whoever asked. */
import { MeshError } from '../../errors.ts';
import { nearestWord } from '../../nearest-word.ts';
import { FaultArsenal } from '../../supervision/chaos/fault-arsenal.ts';
import { faultLine, isLasting } from '../../supervision/chaos/fault.ts';
import type { FaultOrder } from '../../supervision/chaos/fault.ts';
import { FaultInjector } from '../../supervision/chaos/injector.ts';
import { isGlob, pathMatcher } from '../../supervision/chaos/path-glob.ts';
import { Storm } from '../../supervision/chaos/storm.ts';
import type { ActorSystem } from '../../supervision/system.ts';
import type { ChaosHandler } from '../../transport/chaos-service.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { FaultItem } from '../../transport/generated/omega/mesh/v1/FaultItem.ts';
import type { FaultRequest__Output } from '../../transport/generated/omega/mesh/v1/FaultRequest.ts';
import type { StormItem } from '../../transport/generated/omega/mesh/v1/StormItem.ts';
import type { StormRequest__Output } from '../../transport/generated/omega/mesh/v1/StormRequest.ts';
import { faultOrder, stormOrder } from './chaos-orders.ts';
import { foresightView, verdictView } from './chaos-views.ts';
import { askerShown, GUARDED, mustBeMeant, notRunning, unknownPath } from './path-faults.ts';

export interface ChaosRequestsOptions {
  readonly system: ActorSystem;
  /** Timers of the process. */
  readonly timers: () => number;
}

/** Of one glob: each fault costs a line of the trail, and its time. */
const TARGETS_MAX = 1_000;
/** What all leaks of one request hold together. */
const LEAKS_MAX_MEBIBYTES = 256;
/** The longest backoff of a session is half a minute, a fifth more with its jitter. */
const SETTLE_MS = 40_000;

export function chaosRequests({ system, timers }: ChaosRequestsOptions): ChaosHandler {
  const injector = new FaultInjector(system);
  let isStormy = false;
  return {
    foresee({ fault, path }) {
      if (fault !== 'kill') return Promise.reject(new MeshError('BAD_ARGUMENT', `nothing can be foretold of "${fault}"`, { given: fault, expected: 'kill' }));
      const foresight = system.whatIfKilled(path, 'operator');
      if (foresight !== undefined) return Promise.resolve(foresightView(path, foresight));
      return Promise.reject(system.paths().includes(path) ? notRunning(path, 'to end') : unknownPath(path, system.paths()));
    },

    inflict(request, sink) {
      const order = faultOrder(request);
      const targets = targetsOf(request, order, system);
      if (isLasting(order.fault) || order.fault === 'flood') inflictAll(injector, targets, order, request, sink);
      else strikeAll(injector, targets, order, request, sink);
    },

    runStorm(request, sink) {
      if (isStormy) throw new MeshError('OVERLOADED', 'a storm is going on already', { todo: 'wait for its end' });
      let end = 'taken back, for its command has ended';
      const storm = startStorm(request, sink, injector, { system, timers }, (held) => {
        end = held ? 'over, and every promise held' : 'over, and a promise was broken';
      });
      isStormy = true;
      sink.onClosed(() => {
        isStormy = false;
        storm.stop();
        system.admin('/', `storm of seed ${request.seed}: ${end}`);
      });
    },
  };
}

interface Targets {
  readonly hit: readonly string[];
  readonly guarded: readonly string[];
}

/** @throws MeshError UNKNOWN_PATH, REFUSED, TOO_LARGE */
function targetsOf({ path, force }: FaultRequest__Output, order: FaultOrder, system: ActorSystem): Targets {
  const paths = system.paths();
  if (!isGlob(path)) {
    if (!paths.includes(path)) throw unknownPath(path, paths);
    mustBeMeant(path, force, `${order.fault} of`);
    if (system.livingLife(path) === undefined) throw notRunning(path, 'to break');
    return { hit: [path], guarded: [] };
  }
  const all = paths.filter(pathMatcher(path));
  if (all.length === 0) throw nothingMatches(path, paths);
  const hit = all.filter((each) => force || !GUARDED.has(each));
  if (hit.length > TARGETS_MAX) throw new MeshError('TOO_LARGE', `${path} matches ${hit.length} actors`, { given: path, expected: `at most ${TARGETS_MAX}` });
  if (order.fault === 'leak' && hit.length * order.mebibytes > LEAKS_MAX_MEBIBYTES) {
    throw new MeshError('TOO_LARGE', `${hit.length} leaks of ${order.mebibytes} MiB`, { expected: `at most ${LEAKS_MAX_MEBIBYTES} MiB in all`, todo: 'say less with --mib' });
  }
  return { hit, guarded: all.filter((each) => !hit.includes(each)) };
}

/** Ends of lives, a moment after the answer: they may take the stream along. */
function strikeAll(injector: FaultInjector, { hit, guarded }: Targets, order: FaultOrder, { by }: FaultRequest__Output, sink: AdminSink<FaultItem>): void {
  tellGuarded(guarded, sink);
  for (const path of hit) {
    const struck = injector.inflictSoon(path, order, askerShown(by));
    sink.send(struck.outcome === 'inflicted' ? { begun: { path, life: struck.life, what: faultLine(order) } } : { spared: { path, why: struck.outcome } });
  }
  sink.close();
}

function inflictAll(injector: FaultInjector, { hit, guarded }: Targets, order: FaultOrder, { by }: FaultRequest__Output, sink: AdminSink<FaultItem>): void {
  tellGuarded(guarded, sink);
  const going = new Map<string, () => void>();
  for (const path of hit) {
    const struck = injector.inflict(path, order, askerShown(by), (why) => {
      sink.send({ over: { path, life, why } });
      going.delete(path);
      if (going.size === 0) sink.close();
    });
    const life = struck.outcome === 'inflicted' ? struck.life : 0;
    if (struck.outcome !== 'inflicted') {
      sink.send({ spared: { path, why: struck.outcome } });
      continue;
    }
    sink.send({ begun: { path, life, what: faultLine(order), messages: struck.messages ?? 0 } });
    if (isLasting(order.fault)) going.set(path, struck.revert);
  }
  sink.onClosed(() => {
    for (const revert of going.values()) revert();
  });
  if (going.size === 0) sink.close();
}

function startStorm(request: StormRequest__Output, sink: AdminSink<StormItem>, injector: FaultInjector, { system, timers }: ChaosRequestsOptions, judged: (held: boolean) => void): Storm<string> {
  const { faults, ...order } = stormOrder(request);
  const by = askerShown(request.by);
  const { only, force } = request;
  const isTarget = only === '' ? () => true : pathMatcher(only);
  if (!system.paths().some(isTarget)) throw nothingMatches(only, system.paths());
  system.admin('/', `storm of seed ${order.seed} for ${order.forMs} ms at ${order.ratePerS} a second asked by ${by}`);
  const arsenal = new FaultArsenal(injector, faults, `storm of ${by}`);
  const spec = { ...order, isTarget, doors: [...GUARDED], isForced: force, settleMs: SETTLE_MS, timers };
  return new Storm(system, arsenal, spec, {
    progress: (progress) => void sink.send({ progress }),
    over: (verdict) => {
      judged(verdict.held);
      sink.send({ verdict: verdictView(verdict) });
      sink.close();
    },
  });
}

function tellGuarded(paths: readonly string[], sink: AdminSink<FaultItem>): void {
  for (const path of paths) sink.send({ spared: { path, why: 'door' } });
}

function nothingMatches(glob: string, known: readonly string[]): MeshError {
  const nearest = nearestWord(glob.replaceAll('*', ''), known);
  return new MeshError('UNKNOWN_PATH', `no actor matches ${glob}`, {
    given: glob,
    todo: `${nearest === undefined ? '' : `there is ${nearest}; `}* is any part of one segment, ** any number of segments; see \`mesh tree\``,
  });
}
