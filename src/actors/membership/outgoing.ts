/**
 * All that waits to be gossiped, and what of it goes into a packet. News of members comes first; but a mesh in which much
 * happens would never let anything else through, so messages of the application own a share of every packet.
 */
import { BroadcastQueue, bytesInPacket } from './dissemination.ts';
import type { UserLane } from './serf/serf-effects.ts';
import { PARTS_MAX } from './wire/packet.ts';

/** Of the room in each packet, saved up while the next message is larger: the largest goes with every fourth packet. */
const USER_SHARE = 1 / 4;

/** In each lane; as Serf, which warns at 128 and keeps 4,096. What has been sent most makes room. */
const USER_MESSAGES_MAX = 4_096;

const LANES: readonly UserLane[] = ['intent', 'query', 'event'];

export class Outgoing {
  readonly #members = new BroadcastQueue();
  readonly #user: Readonly<Record<UserLane, BroadcastQueue>> = { intent: new BroadcastQueue(), query: new BroadcastQueue(), event: new BroadcastQueue() };
  #userMessages = 0;
  /** Bytes of packets that user messages were entitled to and have not used. */
  #credit = 0;

  get size(): number {
    return this.#members.size + LANES.reduce((sum, lane) => sum + this.#user[lane].size, 0);
  }

  /** Whether something about this member waits. */
  /** How much news there was so far; more than before means something new. */
  get changes(): number {
    return this.#members.changes + this.#userMessages;
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }

  put(member: string, message: Uint8Array): void {
    this.#members.put(member, message);
  }

  /** @param message with its type byte */
  putUser(lane: UserLane, message: Uint8Array): void {
    const queue = this.#user[lane];
    if (queue.size >= USER_MESSAGES_MAX) queue.dropMostSent();
    queue.put(String(this.#userMessages++), message);
  }

  /** Messages for one packet, each of which has now been sent once more. */
  take(roomBytes: number, transmitsMax: number, partsMax: number = PARTS_MAX): Uint8Array[] {
    const waiting = LANES.filter((lane) => this.#user[lane].size > 0);
    if (waiting.length === 0) {
      this.#credit = 0;
      return this.#members.take(roomBytes, transmitsMax, partsMax);
    }
    const userBytes = waiting.reduce((sum, lane) => sum + this.#user[lane].bytes, 0);
    this.#credit = Math.min(roomBytes, this.#credit + roomBytes * USER_SHARE);
    const messages = this.#members.take(roomBytes - Math.min(userBytes, this.#credit), transmitsMax, partsMax - 1);
    let room = roomBytes - bytesInPacket(messages);
    for (const lane of waiting) {
      const next = this.#user[lane].take(room, transmitsMax, partsMax - messages.length);
      const bytes = bytesInPacket(next);
      messages.push(...next);
      room -= bytes;
      this.#credit = Math.max(0, this.#credit - bytes);
    }
    return messages;
  }
}
