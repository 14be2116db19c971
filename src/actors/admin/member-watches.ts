/** Operators that follow what happens to members. What one does not read in time ends its stream: a gap would be believed. */
import { MeshError } from '../../errors.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { MemberHappening } from '../../transport/generated/omega/mesh/v1/MemberHappening.ts';

/** Each costs the node work at every event. */
const WATCHES_MAX = 32;

export class MemberWatches {
  /** By stream. */
  readonly #sinks = new Map<string, AdminSink<MemberHappening>>();

  get size(): number {
    return this.#sinks.size;
  }

  /** @throws MeshError OVERLOADED */
  open(stream: string, sink: AdminSink<MemberHappening>): void {
    if (this.#sinks.size >= WATCHES_MAX) {
      throw new MeshError('OVERLOADED', `${WATCHES_MAX} operators watch the members`, { expected: `at most ${WATCHES_MAX}`, todo: 'close one first' });
    }
    this.#sinks.set(stream, sink);
  }

  end(stream: string): void {
    this.#sinks.delete(stream);
  }

  show(happenings: readonly MemberHappening[]): void {
    for (const [stream, sink] of this.#sinks) {
      if (happenings.every((happening) => sink.send(happening))) continue;
      this.end(stream);
      sink.close(new MeshError('OVERLOADED', 'members changed faster than this watch was read', { todo: 'watch again; `mesh members` has how they are now' }));
    }
  }
}
