/** What stands at a path and whose lives run in threads: mail that cannot cross is refused at its door. */
import { Actor } from '../actor.ts';
import type { SendOutcome } from '../behavior.ts';
import { admits } from './refusal.ts';
import type { RefusalHost } from './refusal.ts';

export class ThreadedActor extends Actor {
  readonly #door: RefusalHost;

  constructor(door: RefusalHost, ...parts: ConstructorParameters<typeof Actor>) {
    super(...parts);
    this.#door = door;
  }

  override send(message: unknown): SendOutcome {
    return admits(this.path, message, this.#door) ? super.send(message) : 'refused';
  }
}
