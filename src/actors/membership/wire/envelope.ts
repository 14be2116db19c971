/**
 * What messages travel in, between the brain and the bytes of a socket: made smaller, checked, encrypted, labelled on the
 * way out; the reverse on the way in. Everything about it that is secret or chance is handed in.
 */
import type { Keyring } from './keyring.ts';
import { compress, decompress } from './compression.ts';
import { TYPE } from './messages.ts';
import { NO_BYTES } from './msgpack.ts';
import { PACKET_BYTES_MAX, pack, unpack, type Unpacked } from './packet.ts';
import { SEAL_BYTES, seal, unseal } from './seal.ts';
import { STREAM_BYTES_MAX, STREAM_SEAL_HEADER_BYTES, decodeStream, type StreamMessage } from './stream.ts';
import { WireFault, attempt, type DropReason } from './wire-fault.ts';

export interface EnvelopeOptions {
  /** Only packets and streams of the same label are taken; none when empty. At most 255 bytes. */
  readonly label: string;
  /** Packets are compressed when that makes them smaller, streams always. What comes in may be, in any case. */
  readonly compresses: boolean;
  readonly keyring: Keyring | undefined;
  /** With a keyring: whether what is not encrypted is refused. Off while a mesh that runs is being encrypted. */
  readonly verifiesIncoming: boolean;
  /** With a keyring: whether to encrypt. */
  readonly verifiesOutgoing: boolean;
  /** 12 random bytes that nobody can foresee. */
  readonly nonce: () => Uint8Array;
}

const LABEL_HEADER_BYTES = 2;

export class Envelope {
  readonly keyring: Keyring | undefined;
  readonly #options: EnvelopeOptions;
  readonly #label: Uint8Array;
  readonly #labelHeader: Uint8Array;

  constructor(options: EnvelopeOptions) {
    this.keyring = options.keyring;
    this.#options = options;
    this.#label = Buffer.from(options.label, 'utf8');
    this.#labelHeader = this.#label.length === 0 ? NO_BYTES : Buffer.concat([Uint8Array.of(TYPE.label, this.#label.length), this.#label]);
  }

  /** What the messages of one packet, and what joins them, may take. */
  get roomBytes(): number {
    return PACKET_BYTES_MAX - this.#labelHeader.length - (this.keyring === undefined ? 0 : SEAL_BYTES);
  }

  packet(messages: readonly Uint8Array[], withCrc: boolean): Uint8Array {
    const packet = pack(messages, withCrc, this.#options.compresses);
    const sealed = this.keyring !== undefined && this.#options.verifiesOutgoing ? seal(packet, this.keyring.primary, this.#options.nonce(), this.#label) : packet;
    return joined(this.#labelHeader, sealed);
  }

  /** Never throws. */
  openPacket(packet: Uint8Array): Unpacked {
    const opened = attempt(() => this.#openedPacket(packet));
    return typeof opened === 'string' ? { messages: [], drops: [opened] } : unpack(opened);
  }

  /** What opens an exchange carries the label; who answers is known to have read it. */
  request(message: Uint8Array): Uint8Array {
    return joined(this.#labelHeader, this.reply(message));
  }

  reply(message: Uint8Array): Uint8Array {
    const body = this.#options.compresses ? compress(message) : message;
    if (this.keyring === undefined || !this.#options.verifiesOutgoing) return body;
    const header = Buffer.allocUnsafe(STREAM_SEAL_HEADER_BYTES);
    header[0] = TYPE.encrypt;
    header.writeUInt32BE(SEAL_BYTES + body.length, 1);
    return joined(header, seal(body, this.keyring.primary, this.#options.nonce(), joined(header, this.#label)));
  }

  /** Never throws. */
  openRequest(stream: Uint8Array): StreamMessage | DropReason {
    return attempt(() => this.#openedStream(this.#unlabelled(stream), this.#options.verifiesIncoming));
  }

  /** Never throws. Of what is not encrypted and should be, an error is still read: it changes nothing, and says what is wrong. */
  openReply(stream: Uint8Array): StreamMessage | DropReason {
    return attempt(() => {
      const message = this.#openedStream(stream, false);
      const isVerified = this.keyring === undefined || !this.#options.verifiesIncoming || stream[0] === TYPE.encrypt;
      return isVerified || (typeof message === 'object' && message.type === 'error') ? message : 'not-encrypted';
    });
  }

  #openedPacket(packet: Uint8Array): Uint8Array {
    const body = this.#unlabelled(packet);
    if (this.keyring === undefined) {
      if (isSealed(body)) throw new WireFault('encrypted', 'neither a ping nor an indirect ping');
      return body;
    }
    const plain = unseal(body, this.keyring.keys, this.#label);
    if (plain !== undefined) return plain;
    if (!this.#options.verifiesIncoming) return body;
    throw new WireFault(body.length > 0 && unpack(body).messages.length > 0 ? 'not-encrypted' : 'wrong-key', 'no key opens it');
  }

  #openedStream(stream: Uint8Array, isVerified: boolean): StreamMessage | DropReason {
    if (stream[0] !== TYPE.encrypt && isVerified && this.keyring !== undefined) throw new WireFault('not-encrypted', 'a stream in plain text');
    const plain = stream[0] === TYPE.encrypt ? this.#unsealedStream(stream) : stream;
    return decodeStream(plain[0] === TYPE.compress ? decompress(plain, STREAM_BYTES_MAX) : plain);
  }

  #unsealedStream(stream: Uint8Array): Uint8Array {
    if (this.keyring === undefined) throw new WireFault('encrypted', 'a stream');
    const [header, sealed] = [stream.subarray(0, STREAM_SEAL_HEADER_BYTES), stream.subarray(STREAM_SEAL_HEADER_BYTES)];
    const plain = unseal(sealed, this.keyring.keys, joined(header, this.#label));
    if (plain === undefined) throw new WireFault('wrong-key', 'no key opens it');
    return plain;
  }

  #unlabelled(bytes: Uint8Array): Uint8Array {
    const hasLabel = this.#label.length > 0;
    if (bytes[0] !== TYPE.label) {
      if (hasLabel) throw new WireFault('label-missing', 'no label');
      return bytes;
    }
    if (!hasLabel) throw new WireFault('labelled', 'a label, where none is used');
    const end = LABEL_HEADER_BYTES + (bytes[1] ?? 0);
    if (Buffer.compare(bytes.subarray(LABEL_HEADER_BYTES, end), this.#label) !== 0) throw new WireFault('label-mismatch', 'another label');
    return bytes.subarray(end);
  }
}

/** Everything as it is. */
export const PLAIN_ENVELOPE = new Envelope({ label: '', compresses: false, keyring: undefined, verifiesIncoming: false, verifiesOutgoing: false, nonce: () => NO_BYTES });

/**
 * Encrypted packets begin with 0 or 1, as pings do; but these are structs, and after a version stands chance: seven of eight
 * times no struct begins so. The others are malformed.
 */
function isSealed(packet: Uint8Array): boolean {
  const [version, next = 0] = packet;
  const isStruct = (next >= 0x80 && next <= 0x9f) || (next >= 0xdc && next <= 0xdf);
  return (version === 0 || version === 1) && packet.length >= SEAL_BYTES && !isStruct;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  return head.length === 0 ? tail : Buffer.concat([head, tail]);
}
