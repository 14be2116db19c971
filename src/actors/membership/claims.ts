/** What this node holds to be so about a member, as a message. */
import type { Member } from './member-table.ts';
import type { Alive, Dead, Suspect } from './wire/messages.ts';

export function aliveOf(member: Member): Alive {
  const { incarnation, name: node, addr, address, meta, vsn } = member;
  return { type: 'alive', incarnation, node, addr, port: address.port, meta, vsn };
}

/** What this node holds against a member, as a message. */
export function accusationOf(member: Member, accuser: string): Suspect | Dead {
  const { incarnation, name: node, status } = member;
  if (status === 'suspect') return { type: 'suspect', incarnation, node, from: accuser };
  return { type: 'dead', incarnation, node, from: status === 'left' ? node : accuser };
}
