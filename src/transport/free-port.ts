/** A TCP port that nobody holds at this moment, for listeners whose port must be known before they open. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { portFault } from './listen-fault.ts';

export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(portFault({ use: 'gRPC', protocol: 'TCP', flag: '--grpc-port' }, { host, port: 0 }, error)));
    server.listen({ host, port: 0 }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
