/** The TCP connection under a channel, for the one case in which grpc-js forgets it. */
import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';

/**
 * A channel closed while it waits for the server's first HTTP/2 frame leaves its socket open (grpc-js 1.14): every dial to
 * a frozen process would cost a file descriptor until that process wakes. So the connector that the credentials give
 * grpc-js, which sees the socket first, lends it to us.
 */
export class DialSocket {
  readonly credentials: ChannelCredentials;
  readonly #sockets: Socket[] = [];
  #isGivenUp = false;

  /** @param credentials for this channel alone */
  constructor(credentials: ChannelCredentials) {
    this.credentials = credentials;
    const createConnector = credentials._createSecureConnector.bind(credentials);
    credentials._createSecureConnector = (...parameters) => {
      const connector = createConnector(...parameters);
      const connect = connector.connect.bind(connector);
      connector.connect = (socket) => {
        if (this.#isGivenUp) socket.destroy();
        else this.#sockets.push(socket);
        return connect(socket);
      };
      return connector;
    };
  }

  /** Cuts the connection off, also one that comes to stand only now. */
  giveUp(): void {
    this.#isGivenUp = true;
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }
}
