/** How loud each event of a member is in the log. */
import type { LogLevel } from '../../log.ts';
import type { MemberEvent } from './member-events.ts';

export const MEMBER_LEVEL: Readonly<Record<MemberEvent['type'], LogLevel>> = {
  alive: 'info',
  refuted: 'info',
  left: 'info',
  updated: 'info',
  suspect: 'warn',
  dead: 'warn',
  conflict: 'warn',
  reaped: 'info',
  confirmed: 'debug',
  'udp-lost': 'warn',
  'udp-back': 'info',
  verified: 'debug',
  'false-claim': 'warn',
  quarantined: 'warn',
  released: 'info',
};
