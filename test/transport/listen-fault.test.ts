import { expect } from 'chai';
import { portFault, socketFault } from '../../src/transport/listen-fault.ts';
import { ADMIN_SOCKET } from '../../src/transport/unix-socket.ts';

const GRPC = { use: 'gRPC', protocol: 'TCP', flag: '--grpc-port' } as const;
const ADDRESS = { host: '127.0.0.1', port: 80 };

/** As grpc-js tells it: in its text only. */
function told(code: string): Error {
  return new Error(`No address added out of total 1 resolved; errors: [bind ${code} 127.0.0.1:80]`);
}

describe('a port that cannot be opened', () => {
  for (const [code, fault, message] of [
    ['EADDRINUSE', 'PORT_IN_USE', 'TCP port 80 on 127.0.0.1 is in use'],
    ['EACCES', 'BAD_ARGUMENT', 'TCP port 80 on 127.0.0.1 may not be opened by this user'],
    ['EADDRNOTAVAIL', 'BAD_ADDRESS', '127.0.0.1 is no address to listen on'],
    ['EMFILE', 'BAD_ARGUMENT', 'TCP port 80 on 127.0.0.1 cannot be opened: too many open files (EMFILE)'],
    ['', 'BAD_ARGUMENT', 'TCP port 80 on 127.0.0.1 cannot be opened: the system does not say why'],
  ] as const) {
    it(`for ${code === '' ? 'no given reason' : code} is told in the same words, whoever found out`, () => {
      const fromGrpc = portFault(GRPC, ADDRESS, told(code));
      expect(fromGrpc).to.include({ code: fault, message });
      expect(fromGrpc.expected).to.be.a('string');
      if (code !== '') expect(portFault(GRPC, ADDRESS, Object.assign(new Error('x'), { code })).message).to.equal(message);
    });
  }

  it('for the operator names the socket', () => {
    expect(socketFault('/d/admin.sock', ADMIN_SOCKET, told('EACCES'))).to.include({ code: 'DATA_DIR_UNUSABLE', message: 'cannot open the admin socket /d/admin.sock: permission denied (EACCES)' });
  });
});
