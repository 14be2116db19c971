/** A message made smaller: LZW in a wrapper that names the algorithm. */
import { TYPE } from './messages.ts';
import { lzwCompress, lzwDecompress } from './lzw.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { Struct, bytes, uint } from './struct.ts';
import { WireFault } from './wire-fault.ts';

/** The only algorithm that memberlist ever had. */
const LZW = 0;

/** What is compressed is there already, in a packet or a stream that was measured: it needs no limit of its own. */
const compressed = new Struct({ algo: uint('Algo', 255), buf: bytes('Buf', Infinity) });

export function compress(message: Uint8Array): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(TYPE.compress);
  compressed.write(writer, { algo: LZW, buf: lzwCompress(message) });
  return writer.bytes();
}

/**
 * @param message that begins with the type `compress`
 * @param bytesMax of the result; nothing beyond is allocated
 * @throws WireFault
 */
export function decompress(message: Uint8Array, bytesMax: number): Uint8Array {
  const { algo, buf } = compressed.read(new MsgpackReader(message, 1));
  if (algo !== LZW) throw new WireFault('unknown-compression', `algorithm ${algo}`);
  return lzwDecompress(buf, bytesMax);
}

