/** A small name server on loopback, which says what a test puts into it. */
import { createSocket, type Socket } from 'node:dgram';
import { decode, encode, type Answer, type Packet } from 'dns-packet';

export class DnsServer {
  /** By name and type: `mesh.test A`. */
  readonly records = new Map<string, readonly Answer[]>();
  /** Names that were asked for, with their type. */
  readonly asked: string[] = [];
  /** How it answers: by its records, that it failed, or not at all. */
  mood: 'well' | 'failing' | 'silent' = 'well';
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes, from) => {
      const reply = this.#answer(decode(bytes));
      if (reply !== undefined) socket.send(encode(reply), from.port, from.address);
    });
  }

  static open(): Promise<DnsServer> {
    const socket = createSocket('udp4');
    return new Promise((resolve) => void socket.bind(0, '127.0.0.1', () => resolve(new DnsServer(socket))));
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  a(name: string, ...hosts: readonly string[]): void {
    this.records.set(`${name} A`, hosts.map((data) => ({ type: 'A', name, ttl: 1, data })));
  }

  srv(name: string, ...targets: readonly { readonly target: string; readonly port: number; readonly priority?: number; readonly weight?: number }[]): void {
    this.records.set(`${name} SRV`, targets.map((data) => ({ type: 'SRV', name, ttl: 1, data })));
  }

  close(): void {
    this.#socket.close();
  }

  #answer({ id, questions = [] }: Packet): Packet | undefined {
    const [question] = questions;
    if (question === undefined || this.mood === 'silent') return undefined;
    const { name, type } = question;
    this.asked.push(`${name} ${type}`);
    const answers = this.records.get(`${name} ${type}`);
    const isKnown = [...this.records.keys()].some((key) => key.startsWith(`${name} `));
    // The lower four bits of the flags: 0 no error, 2 the server failed, 3 no such name (RFC 1035, 4.1.1).
    const code = this.mood === 'failing' ? 2 : isKnown ? 0 : 3;
    return { type: 'response', ...(id === undefined ? {} : { id }), flags: code, questions, answers: [...(answers ?? [])] };
  }
}
