import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { Heard, PeerBench, ping } from '../transport/session-ends.ts';

/** A network between two ends, which can go away without a word. */
class Cable {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  constructor(to: { readonly host: string; readonly port: number }) {
    this.#server = createServer((near) => {
      const far = connect(to);
      this.#sockets.push(near, far);
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far);
      far.pipe(near);
    });
  }

  async lay(): Promise<{ readonly host: string; readonly port: number }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  cut(): void {
    for (const socket of this.#sockets) socket.unpipe().removeAllListeners('data').resume();
  }

  remove(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

describe('a session whose network is gone', () => {
  it('is ended on both sides within five seconds, though nobody sends', async () => {
    const bench = await PeerBench.make();
    const cable = new Cable(await bench.listen());
    const near = bench.dial(await cable.lay());
    near.send(ping(1));
    const far = await bench.accepted();
    const [atNear, atFar] = [new Heard(near), new Heard(far)];
    await atFar.count(1);
    const cutAt = performance.now();
    cable.cut();
    const ends = await Promise.all([atNear, atFar].map(async (heard) => ({ fault: await until(heard), afterMs: performance.now() - cutAt })));
    for (const { fault, afterMs } of ends) {
      expect(fault).to.be.instanceOf(MeshError);
      // Half a second for a machine that is busy.
      expect(afterMs).to.be.below(5_500);
    }
    cable.remove();
    await bench.close();
  });
});

/** Longer than `Heard.closed` waits. */
async function until(heard: Heard<unknown>): Promise<MeshError | undefined> {
  for (let tries = 0; heard.closings.length === 0 && tries < 1_000; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  return heard.closings[0];
}
