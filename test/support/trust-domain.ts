/** A trust domain for tests: an authority, and identities of it. */
import { issueSvid, makeAuthority, makeRequest, bundleOf } from '../../src/trust/authority.ts';
import type { Authority, AdminRole } from '../../src/trust/authority.ts';
import { holdIdentity } from '../../src/trust/identity-source.ts';
import type { HeldIdentity, Identity } from '../../src/trust/identity-source.ts';
import type { IdentityKind } from '../../src/trust/spiffe-id.ts';
import { pairSvid } from '../../src/trust/svid.ts';
import { OpenSessions } from '../../src/transport/open-sessions.ts';
import type { SessionAlarm } from '../../src/transport/open-sessions.ts';
import type { MeshTls } from '../../src/transport/tls.ts';

export interface MadeOptions {
  readonly ttlMs?: number;
  /** Of issue, against now. */
  readonly shiftMs?: number;
  readonly role?: AdminRole;
}

/** What a program with this identity speaks TLS with, and what it was alarmed by. */
export interface TestTls extends MeshTls {
  readonly identity: HeldIdentity;
  readonly alarms: SessionAlarm[];
}

export class TrustDomain {
  readonly authority: Authority;

  private constructor(authority: Authority) {
    this.authority = authority;
  }

  static async make(name = 'omega.test'): Promise<TrustDomain> {
    return new TrustDomain(await makeAuthority(name, Date.now() - 3_600_000));
  }

  async identity(kind: IdentityKind, name: string, { ttlMs, shiftMs = 0, role }: MadeOptions = {}): Promise<Identity> {
    const { key, request } = await makeRequest();
    const id = { trustDomain: this.authority.trustDomain, kind, name };
    const issue = { id, ...(ttlMs === undefined ? {} : { ttlMs }), ...(role === undefined ? {} : { role }) };
    const leaf = await issueSvid(this.authority, request, issue, Date.now() + shiftMs);
    return { svid: pairSvid([leaf], key), bundle: bundleOf(this.authority) };
  }

  async tls(kind: IdentityKind, name: string, options: MadeOptions & Partial<Pick<MeshTls, 'pq' | 'admits'>> = {}): Promise<TestTls> {
    const alarms: SessionAlarm[] = [];
    const sessions = new OpenSessions();
    sessions.onAlarm((alarm) => void alarms.push(alarm));
    return {
      identity: holdIdentity(await this.identity(kind, name, options)),
      pq: 'prefer',
      sessions,
      alarms,
      ...(options.pq === undefined ? {} : { pq: options.pq }),
      ...(options.admits === undefined ? {} : { admits: options.admits }),
    };
  }
}

let shared: Promise<TrustDomain> | undefined;

/** For tests that only need one: making an authority takes a while. */
export function trustDomain(): Promise<TrustDomain> {
  return (shared ??= TrustDomain.make());
}
