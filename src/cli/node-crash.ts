/** How the process of a node ended last, as its keeper left it in the data directory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const crashReport = z.object({
  at: z.iso.datetime(),
  exitCode: z.int(),
  signal: z.string().nullable(),
  uptimeMs: z.number(),
  decision: z.string(),
  why: z.string(),
  delayMs: z.number().nullable(),
});

export interface NodeCrash extends Omit<z.infer<typeof crashReport>, 'at'> {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** Undefined when it never crashed under a keeper, or what is there cannot be read. */
export function readNodeCrash(dataDir: string): NodeCrash | undefined {
  try {
    const { at, ...crash } = crashReport.parse(JSON.parse(readFileSync(join(dataDir, 'crash.json'), 'utf8')));
    return { ...crash, atMs: Date.parse(at) };
  } catch {
    return undefined;
  }
}
