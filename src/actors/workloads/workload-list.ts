/** Which workloads a node serves, and how they are. Pure. */
import { MeshError } from '../../errors.ts';
import { formatSpiffeId, type SpiffeId } from '../../trust/spiffe-id.ts';
import { checkServable, workloadLabel, workloadNamed, WORKLOADS_MAX, type WorkloadEntry, type WorkloadIssuer } from '../../trust/workload-entry.ts';
import type { WorkloadStatus, WorkloadView } from './workload-messages.ts';

export interface WorkloadListOptions {
  readonly self: SpiffeId;
  readonly issuer: WorkloadIssuer;
  /** Where sockets are whose place nobody chose. */
  readonly socketDir: string;
}

const UNKNOWN: WorkloadStatus = { streams: 0, serial: undefined, notAfterMs: undefined, fault: undefined };
const GROUP = /^[\w.-]{1,64}$/;

export class WorkloadList {
  readonly #options: WorkloadListOptions;
  readonly #views = new Map<string, WorkloadView>();

  constructor(options: WorkloadListOptions, kept: readonly WorkloadEntry[]) {
    this.#options = options;
    for (const entry of kept) this.#views.set(formatSpiffeId(entry.id), { entry, status: UNKNOWN });
  }

  get views(): readonly WorkloadView[] {
    return [...this.#views.values()];
  }

  get entries(): readonly WorkloadEntry[] {
    return this.views.map(({ entry }) => entry);
  }

  /** @throws MeshError BAD_ARGUMENT, BAD_IDENTITY, WRONG_TRUST_DOMAIN, REFUSED, OVERLOADED */
  add(identity: string, given: string | undefined, group: string | undefined): WorkloadEntry {
    const { self, issuer, socketDir } = this.#options;
    const id = workloadNamed(identity, self);
    checkServable(id, self, issuer);
    if (given !== undefined && !given.startsWith('/')) throw new MeshError('BAD_ARGUMENT', `the socket is "${given}"`, { given, expected: 'an absolute path' });
    if (group !== undefined && !GROUP.test(group)) throw new MeshError('BAD_ARGUMENT', `the group is "${group}"`, { given: group, expected: 'the name of a group of this machine, or its number' });
    if (group !== undefined && given === undefined) {
      throw new MeshError('BAD_ARGUMENT', 'a group needs a socket outside of the data directory, which only its owner may enter', { given: group, expected: '--socket and a path in a directory that the group may enter, such as /run/mesh/web.sock' });
    }
    // A colon parts host and port in the addresses of some clients.
    const socket = given ?? `${socketDir}/${workloadLabel(id).replace(':', '.')}.sock`;
    const text = formatSpiffeId(id);
    if (this.#views.has(text)) throw new MeshError('REFUSED', `${text} is served already, on ${this.#views.get(text)!.entry.socket}`, { given: identity, todo: 'remove it first: `mesh workload remove`' });
    const other = this.entries.find((entry) => entry.socket === socket);
    if (other !== undefined) throw new MeshError('REFUSED', `${socket} is the socket of ${formatSpiffeId(other.id)}`, { given: socket, todo: 'choose another with --socket: a socket is one workload' });
    if (this.#views.size >= WORKLOADS_MAX) throw new MeshError('OVERLOADED', `this node serves ${this.#views.size} workloads`, { expected: `at most ${WORKLOADS_MAX}`, todo: 'remove one with `mesh workload remove`' });
    const entry = { id, socket, group };
    this.#views.set(text, { entry, status: UNKNOWN });
    return entry;
  }

  /** @throws MeshError BAD_IDENTITY, WRONG_TRUST_DOMAIN, NOT_FOUND */
  named(identity: string): WorkloadView {
    const text = formatSpiffeId(workloadNamed(identity, this.#options.self));
    const view = this.#views.get(text);
    if (view !== undefined) return view;
    throw new MeshError('NOT_FOUND', `${text} is not served here`, { given: identity, todo: 'see `mesh workload list`' });
  }

  drop({ id }: WorkloadEntry): void {
    this.#views.delete(formatSpiffeId(id));
  }

  report(id: string, status: WorkloadStatus): void {
    const view = this.#views.get(id);
    if (view !== undefined) this.#views.set(id, { entry: view.entry, status });
  }
}
