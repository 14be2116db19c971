/** With which identity a node or an agent begins that has it from a Workload API, and where the next ones come from. */
import type { Clock } from '../clock.ts';
import type { MeshError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { readIdentity, writeIdentity } from '../trust/identity-files.ts';
import { identityInbox } from '../trust/identity-inbox.ts';
import type { Identity } from '../trust/identity-source.ts';
import { readWorkloadApi, writeWorkloadApi } from '../trust/workload-api-file.ts';
import { firstSvid, followSvid, isPassing, type Asked, type SvidListener } from './workload-client.ts';

export interface PushedIdentityOptions {
  /** Absolute path. */
  readonly socket: string;
  readonly asked: Asked;
  /** Where it is kept. */
  readonly dir: string;
  readonly log: Logger;
  readonly clock: Clock;
}

export interface PushedIdentity {
  readonly identity: Identity;
  /** Another than the present one; waits until one is pushed. */
  readonly next: (present: Identity) => Promise<Identity>;
  readonly watch: {
    /** @returns ends it */
    readonly open: (hear: SvidListener) => () => void;
    /** Where `next` finds it. */
    readonly put: (identity: Identity) => void;
  };
}

/** At boot an agent of SPIRE is up within seconds; who has an identity that still holds need not wait for it. */
const PATIENCE_MS = 10_000;

/** @throws MeshError as `firstSvid`, and what `readIdentity` throws */
export async function pushedIdentity({ socket, asked, dir, log, clock }: PushedIdentityOptions): Promise<PushedIdentity> {
  const kept = stillGood(dir, asked, clock.wallNow());
  const identity = await firstSvid(socket, asked, kept === undefined ? PATIENCE_MS : 0).catch((error: unknown) => {
    if (kept === undefined || !isPassing(error)) throw error;
    logAway(log, error);
    return kept;
  });
  writeIdentity(dir, identity);
  writeWorkloadApi(dir, socket);
  const inbox = identityInbox();
  return { identity, next: (present) => inbox.next(present), watch: { open: (hear) => followSvid(socket, asked, hear), put: (pushed) => inbox.put(pushed) } };
}

function logAway(log: Logger, { message: reason, todo }: MeshError): void {
  log.log('warn', 'workload-api-away', { reason, ...(todo === undefined ? {} : { todo }) });
}

/** What a Workload API gave before, and may be used until it expires. */
function stillGood(dir: string, { kind, name }: Asked, nowMs: number): Identity | undefined {
  if (readWorkloadApi(dir) === undefined) return undefined;
  const kept = readIdentity(dir);
  const isOurs = kept?.svid.id.kind === kind && kept.svid.id.name === name;
  return isOurs && nowMs < kept.svid.notAfterMs ? kept : undefined;
}
