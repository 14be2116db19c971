/** Each process of tests has a network of its own on loopback, so that two runs beside each other do not meet. */
const NETWORK = `127.${64 + ((process.pid >> 8) % 128)}.${process.pid % 256}`;

/** @param last from 1 to 254; who needs an address to himself takes one that nobody else in the process has */
export function ownHost(last: number): string {
  return `${NETWORK}.${last}`;
}
