/** How an operator's questions reach a node: over the unix socket on its own machine, or from elsewhere over TLS. */
import { resolve } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import type { ChannelOptions } from '@grpc/grpc-js';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { MeshError } from '../errors.ts';
import type { Caller } from './caller.ts';
import { DialSocket } from './dial-socket.ts';
import { CHANNEL_OPTIONS } from './grpc-options.ts';
import type { MeshTls } from './tls.ts';

export interface AdminChannel {
  readonly client: Client;
  /** For people, to begin a sentence with. */
  readonly shown: string;
  /** Answers with the reason when there is no use in waiting for a connection; else never. */
  readonly hopeless: Promise<MeshError>;
  /** @param cause what gRPC makes of it */
  unreachable(cause: MeshError): MeshError;
  close(): void;
}

/** All entries of a registry of 32 MiB in one answer, and then some. The node is the user's own, or of his mesh. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;

const OPTIONS: ChannelOptions = {
  ...CHANNEL_OPTIONS,
  'grpc.max_receive_message_length': REPLY_BYTES_MAX,
  // Several tries within the patience of a command.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 300,
};

export function socketChannel(socketPath: string): AdminChannel {
  const path = resolve(socketPath);
  const client = new Client(`unix:${path}`, credentials.createInsecure(), OPTIONS);
  return {
    client,
    shown: `the node on ${path}`,
    hopeless: new Promise(() => undefined),
    unreachable: (cause) =>
      new MeshError('NODE_UNREACHABLE', `no node answers on ${path}`, {
        given: path,
        todo: 'start it with `mesh start`, or name the directory of one that runs with --data-dir',
        cause,
      }),
    close: () => client.close(),
  };
}

export interface RemoteNode {
  readonly address: Address;
  /** Undefined: any node of the trust domain. */
  readonly name: string | undefined;
}

/**
 * @param tls of an admin
 * @param onReached hears which node answers, at each connection
 */
export function remoteChannel({ address, name }: RemoteNode, tls: MeshTls, onReached: (node: Caller) => void): AdminChannel {
  const remote = formatAddress(address);
  const hopeless = new Promise<MeshError>((heard) => {
    tls.sessions.onAlarm((alarm) => {
      if (alarm.kind === 'refused') heard(alarm.fault);
    });
  });
  const admits = (node: Caller): undefined => void (node.id.kind === 'node' && onReached(node));
  const socket = new DialSocket(remote, { kind: 'node', name }, { ...tls, admits });
  const client = new Client(remote, socket.credentials, OPTIONS);
  return {
    client,
    shown: `the node at ${remote}`,
    hopeless,
    unreachable: (cause) => socket.fault ?? cause,
    close() {
      client.close();
      socket.giveUp();
    },
  };
}
