/** The connection under a channel: TLS on a TCP socket, and a hold on both. */
import type { Socket } from 'node:net';
import { credentials as grpcCredentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { MeshError } from '../errors.ts';
import { issuingPin } from '../trust/bundle.ts';
import type { Caller } from './caller.ts';
import { secure } from './tls.ts';
import type { ExpectedPeer, MeshTls } from './tls.ts';

/**
 * grpc-js takes a socket from the connector that its credentials make. Ours does the handshake itself, with the identity of that
 * moment, knows by it who is there, and why not if it fails: grpc-js passes on no more than a text.
 *
 * And a channel closed while it waits for the server's first HTTP/2 frame leaves its socket open (grpc-js 1.14): every dial to
 * a frozen process would cost a file descriptor until that process wakes. So the sockets are kept here too.
 */
export class DialSocket {
  /** For this channel alone. */
  readonly credentials: ChannelCredentials;
  readonly #sockets: Socket[] = [];
  readonly #remote: string;
  readonly #expected: ExpectedPeer;
  readonly #tls: MeshTls;
  #peer: Caller | undefined;
  #validForMs = 0;
  #ownAuthority = '';
  #fault: MeshError | undefined;
  #isGivenUp = false;

  constructor(remote: string, expected: ExpectedPeer, tls: MeshTls) {
    this.#remote = remote;
    this.#expected = expected;
    this.#tls = tls;
    this.credentials = grpcCredentials.createInsecure();
    const createConnector = this.credentials._createSecureConnector.bind(this.credentials);
    this.credentials._createSecureConnector = (...parameters) => {
      const connector = createConnector(...parameters);
      connector.connect = async (socket) => ({ socket: await this.#secure(socket), secure: true });
      return connector;
    };
  }

  /** Who is there; undefined before it has proved it. */
  get peer(): Caller | undefined {
    return this.#peer;
  }

  /** How long both certificates were still valid for when the connection was made. */
  get validForMs(): number {
    return this.#validForMs;
  }

  /** Whether one of its certificates is being replaced, and this end has another already. */
  get isWorn(): boolean {
    const { identity, isTainted } = this.#tls;
    if (isTainted === undefined || this.#peer === undefined) return false;
    const { svid, bundle } = identity.current();
    return (isTainted(this.#ownAuthority) || isTainted(this.#peer.authority)) && !isTainted(issuingPin(svid.certificates, bundle) ?? '');
  }

  /** Why the last connection did not come to stand. */
  get fault(): MeshError | undefined {
    return this.#fault;
  }

  /** Cuts the connection off, also one that comes to stand only now. */
  giveUp(): void {
    this.#isGivenUp = true;
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  async #secure(socket: Socket): Promise<Socket> {
    if (this.#isGivenUp) socket.destroy();
    else this.#sockets.push(socket);
    try {
      const secured = await secure(socket, this.#remote, this.#expected, this.#tls);
      this.#peer = secured.caller;
      this.#validForMs = secured.validForMs;
      this.#ownAuthority = secured.ownAuthority;
      this.#fault = undefined;
      const own = this.#tls.identity.current().svid;
      // What an admin follows may outlive the certificate of the node, which renews it, but not his own.
      this.#tls.sessions.opened(secured.socket, this.#remote, secured.caller, true, own.id.kind === 'admin' ? own.notAfterMs : secured.caller.notAfterMs);
      return secured.socket;
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      this.#fault = error;
      // That nobody is there is no refusal.
      if (error.code !== 'NODE_UNREACHABLE') this.#tls.sessions.refused(this.#remote, undefined, error);
      throw error;
    }
  }
}
