/** The TCP listener: TLS with everyone who connects, and what is known of each connection for as long as it stands. */
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import { claimedId } from '../trust/svid.ts';
import type { SpiffeId } from '../trust/spiffe-id.ts';
import type { Gated } from './call-gate.ts';
import { authenticate, contextOptions } from './tls.ts';
import type { MeshTls } from './tls.ts';

/** Two round trips and some signing; who is slower holds a socket for nothing. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Who is refused may make its call and hear why; then the connection goes. */
const REFUSED_OPEN_MS = 2_000;
/** Refused ones that are heard out at the same time. Others, which nobody knows either, are cut off without a word. */
const REFUSED_MAX = 64;

export class TlsListener {
  readonly #server: Server;
  readonly #tls: MeshTls;
  readonly #connections = new Map<string, Gated>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #forget: () => void;
  #refused = 0;

  /** @param onConnection gets every connection on which HTTP/2 is to be spoken, and for how long its certificates are valid */
  constructor(tls: MeshTls, onConnection: (socket: TLSSocket, validForMs: number) => void) {
    this.#tls = tls;
    const { identity, pq, sessions } = tls;
    const options = { requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
    this.#server = createServer({ ...options, ...contextOptions(identity.current(), pq) });
    this.#forget = identity.onChange((renewed) => this.#server.setSecureContext(contextOptions(renewed, pq)));
    this.#server.on('secureConnection', (socket) => {
      const validForMs = this.#admit(socket);
      if (validForMs !== undefined) onConnection(socket, validForMs);
    });
    this.#server.on('tlsClientError', (error: Error & { readonly code?: string }, socket) => {
      const remote = remoteOf(socket);
      const fault = handshakeFault(error, remote);
      if (fault !== undefined) sessions.refused(remote, undefined, fault);
    });
  }

  /** What is known of the connection from this place, as `callGate` names it. */
  connectionFrom(place: string): Gated | undefined {
    return this.#connections.get(place);
  }

  /** Answers with the port. Rejects with what the system says. */
  listen({ host, port }: Address): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener('error', reject);
        // An accept that fails is that one connection's misfortune.
        this.#server.on('error', () => undefined);
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
      });
    });
  }

  /** Takes no more connections; those that stand are left alone. */
  close(): void {
    this.#forget();
    this.#server.close();
  }

  cutOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** For how long, if at all. */
  #admit(socket: TLSSocket): number | undefined {
    const place = `${socket.remoteAddress ?? ''}|${socket.remotePort ?? 0}`;
    const remote = remoteOf(socket);
    const { sessions, admits } = this.#tls;
    const caller = this.#judge(socket);
    // What goes wrong on the way is told to whoever speaks on it.
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#connections.delete(place);
    });
    this.#connections.set(place, {
      caller,
      admits: (known) => admits?.(known),
      refused: (known, fault, path) => sessions.refused(remote, known?.id, fault, path),
    });
    if (!(caller instanceof MeshError)) {
      sessions.opened(socket, remote, caller, false);
      // An admin's command does not move to another connection as sessions do: it may follow something for as long as he may speak.
      const ownMs = caller.id.kind === 'admin' ? Infinity : this.#tls.identity.current().svid.notAfterMs;
      return Math.min(caller.notAfterMs, ownMs) - systemClock.wallNow();
    }
    sessions.refused(remote, idOf(socket), caller);
    return this.#hearOut(socket) ? REFUSED_OPEN_MS : undefined;
  }

  #judge(socket: TLSSocket): Gated['caller'] {
    try {
      return authenticate(socket, this.#tls);
    } catch (error) {
      if (error instanceof MeshError) return error;
      throw error;
    }
  }

  #hearOut(socket: TLSSocket): boolean {
    if (this.#refused >= REFUSED_MAX) {
      socket.destroy();
      return false;
    }
    this.#refused++;
    const end = systemClock.setTimer(REFUSED_OPEN_MS, () => socket.destroy());
    socket.once('close', () => {
      this.#refused--;
      end.cancel();
    });
    return true;
  }
}

/** Whom a certificate that proves nothing names, for people. */
function idOf(socket: TLSSocket): SpiffeId | undefined {
  const leaf = socket.getPeerX509Certificate();
  try {
    return leaf && claimedId(leaf);
  } catch {
    return undefined;
  }
}

/** OpenSSL's words for a handshake that came to nothing; undefined where the other end merely went away. */
function handshakeFault({ code = '', message }: Error & { readonly code?: string }, remote: string): MeshError | undefined {
  if (code === 'ECONNRESET') return undefined;
  if (code === 'ERR_SSL_NO_SUITABLE_KEY_SHARE' || code === 'ERR_SSL_NO_SHARED_GROUP') {
    return new MeshError('PQ_REQUIRED', `${remote} and this node have no key exchange in common`, { given: remote, todo: 'say the same pq on both, and run both with the same Node.js' });
  }
  return new MeshError('MALFORMED', `${remote} does not speak TLS 1.3`, { given: message, expected: 'TLS 1.3 with a certificate' });
}

function remoteOf({ remoteAddress: host, remotePort: port }: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined }): string {
  return host === undefined || port === undefined ? 'unknown' : formatAddress({ host, port });
}
