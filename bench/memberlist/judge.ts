/** What a mesh has come to, from what its nodes have told. Pure. */
import type { Happened } from './side.ts';

/** How often each path of a member's end is taken, in milliseconds since it was killed. */
export interface KillFigures {
  readonly suspectedMs: number;
  readonly deadMs: number;
  readonly allKnowMs: number;
}

/** What happened in a mesh in which nobody ended. */
export interface FalseAlarms {
  /** Probes of a living member that were not answered on any way. */
  readonly suspicions: number;
  /** Times that a living member began to be taken for dead. */
  readonly deaths: number;
  /** How many took how many for dead, added up. */
  readonly burials: number;
}

/** Time from the order to join until each of `nodes` knew all others; undefined while they do not. */
export function joinMs(happened: readonly Happened[], nodes: number): number | undefined {
  const [order, ...later] = since(happened, 'join');
  const known = new Set<string>();
  for (const { what, at, about, ms } of later) {
    if (what !== 'alive' || at === about) continue;
    known.add(`${at} ${about}`);
    if (known.size === nodes * (nodes - 1)) return ms - order!.ms;
  }
  return undefined;
}

/** Time from the goodbye until all of the `others` had heard it. */
export function leaveMs(happened: readonly Happened[], others: number): number | undefined {
  const [order, ...later] = since(happened, 'leave');
  const gone = later.filter(({ what, at, about }) => what === 'gone' && about === order?.about && at !== about);
  return gone.length < others ? undefined : gone[others - 1]!.ms - order!.ms;
}

export function killFigures(happened: readonly Happened[], others: number): KillFigures | undefined {
  const [order, ...later] = since(happened, 'kill');
  const about = later.filter((one) => one.about === order?.about && one.at !== one.about);
  const gone = about.filter(({ what }) => what === 'gone');
  const first = about.find(({ what }) => what === 'accused');
  if (order === undefined || first === undefined || gone.length < others) return undefined;
  return { suspectedMs: first.ms - order.ms, deadMs: gone[0]!.ms - order.ms, allKnowMs: gone[others - 1]!.ms - order.ms };
}

export function falseAlarms(happened: readonly Happened[]): FalseAlarms {
  const suspicions = happened.filter(({ what }) => what === 'accused').length;
  /** Who takes the member for dead at the moment. */
  const buriedBy = new Map<string, Set<string>>();
  let [deaths, burials] = [0, 0];
  for (const { what, at, about } of happened) {
    const by = buriedBy.get(about) ?? new Set();
    buriedBy.set(about, by);
    if (what === 'alive') by.delete(at);
    if (what !== 'gone') continue;
    if (by.size === 0) deaths++;
    if (!by.has(at)) burials++;
    by.add(at);
  }
  return { suspicions, deaths, burials };
}

function since(happened: readonly Happened[], order: Happened['what']): readonly Happened[] {
  const at = happened.findLastIndex(({ what }) => what === order);
  return at < 0 ? [] : happened.slice(at);
}
