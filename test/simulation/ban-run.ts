/** `npm run simulate:bans`: how long a ban takes until all of a thousand nodes know it, in virtual time. */
import { BanMesh } from './ban-mesh.ts';

const NODES = 1_000;
const RUNS = 20;
const CUT_MS = 10_000;

const STORMS = [
  { name: 'calm', loss: 0, latencyMs: [0.2, 5], cutTo: 1 },
  { name: 'every tenth frame lost', loss: 0.1, latencyMs: [1, 40], cutTo: 1 },
  { name: 'half of the frames lost', loss: 0.5, latencyMs: [1, 200], cutTo: 1 },
  { name: `a third cut off for ${CUT_MS / 1_000} s, then healed; every tenth frame lost`, loss: 0.1, latencyMs: [1, 40], cutTo: 2 / 3 },
] as const;

const percentile = (values: readonly number[], share: number): number => [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;
const shown = (values: readonly number[]): string => `p50 ${percentile(values, 0.5).toFixed(0)} ms, p99 ${percentile(values, 0.99).toFixed(0)} ms`;

console.log(`${NODES} nodes, ${RUNS} runs each; until all on the side of the one who bans know it\n`);
for (const { name, loss, latencyMs, cutTo } of STORMS) {
  const took: number[] = [];
  const healed: number[] = [];
  let frames = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const mesh = new BanMesh({ nodes: NODES, seed, loss, latencyMs });
    mesh.run(1_000);
    const reachable = Math.floor(NODES * cutTo);
    if (cutTo < 1) mesh.cut(reachable);
    const before = mesh.frames;
    mesh.ban(1);
    took.push(mesh.until(reachable - 1, 60_000) ?? Number.POSITIVE_INFINITY);
    frames += mesh.frames - before;
    if (cutTo === 1) continue;
    mesh.run(CUT_MS);
    mesh.heal();
    healed.push(mesh.until(mesh.all, 60_000) ?? Number.POSITIVE_INFINITY);
  }
  console.log(`${name}\n  all know: ${shown(took)}; ${(frames / RUNS / NODES).toFixed(1)} frames a node`);
  if (healed.length > 0) console.log(`  the others, after it healed: ${shown(healed)}`);
}
