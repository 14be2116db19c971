/** The connections over TLS that stand: a line of a list, and for people. Pure. */
import type { OpenSession__Output } from '../transport/generated/omega/mesh/v1/OpenSession.ts';
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import { printable, type Paint } from './paint.ts';
import { moment } from './views.ts';

export interface SessionLine {
  /** SPIFFE ID. */
  readonly peer: string;
  readonly kind: string;
  readonly direction: 'accepted' | 'dialled';
  readonly remote: string;
  /** Of the certificate, hex. */
  readonly serial: string;
  readonly expires: string;
  readonly tlsGroup: string | null;
  readonly ageMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export function sessionLine({ peer, isDialled, remote, serial, expiresAtMs, tlsGroup, ageMs, bytesIn, bytesOut }: OpenSession__Output): SessionLine {
  const direction = isDialled ? 'dialled' : 'accepted';
  const kind = peer.split('/').at(-2) ?? '';
  return { peer, kind, direction, remote, serial, expires: moment(expiresAtMs), tlsGroup: tlsGroup === '' ? null : tlsGroup, ageMs: Math.round(ageMs), bytesIn, bytesOut };
}

/** Serials are told apart by their ends; --json has them whole. */
const SERIAL_SHOWN = 8;

export function formatSessions(sessions: readonly SessionLine[], nowMs: number, paint: Paint): string[] {
  return formatTable(
    [
      { head: 'PEER' },
      { head: 'KIND' },
      { head: 'OPENED' },
      { head: 'REMOTE' },
      { head: 'SERIAL' },
      { head: 'EXPIRES', align: 'right' },
      { head: 'TLS GROUP' },
      { head: 'AGE', align: 'right' },
      { head: 'IN', align: 'right' },
      { head: 'OUT', align: 'right' },
    ],
    sessions.map(({ peer, kind, direction, remote, serial, expires, tlsGroup, ageMs, bytesIn, bytesOut }) => [
      printable(peer.slice(peer.lastIndexOf('/') + 1)),
      printable(kind),
      direction === 'dialled' ? 'by us' : 'by them',
      printable(remote),
      `…${serial.slice(-SERIAL_SHOWN)}`,
      `in ${formatDuration(Date.parse(expires) - nowMs)}`,
      tlsGroup ?? paint.dim('not told'),
      formatDuration(ageMs),
      bytes(bytesIn),
      bytes(bytesOut),
    ]),
    paint,
  );
}

function bytes(count: number): string {
  const kib = count / 1_024;
  return kib < 1_024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1_024).toFixed(1)} MiB`;
}
