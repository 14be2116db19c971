/** `host[:port]`, as people write it and as the socket wants it. Pure; imports errors only. */
import { MeshError } from './errors.ts';

export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** RFC 1035, section 2.3.4. */
const HOST_LENGTH_MAX = 253;
/** Underscores are no letters of RFC 1123, but container tools put them into names. */
const HOST = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?$/;

/**
 * Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`. Port 0 is taken: listeners mean "any free one" by it.
 * @throws MeshError BAD_ADDRESS
 */
export function parseAddress(text: string, defaultPort: number): Address {
  const parts = /^(?:\[(?<six>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>[^:]*))?$/.exec(text)?.groups;
  if (parts === undefined) throw badAddress(text, defaultPort, isIpv6(text) ? `write it with brackets: [${text}]` : undefined);
  const host = parts['six'] ?? parts['name'] ?? '';
  const isHost = parts['six'] === undefined ? isName(host) : isIpv6(host);
  const port = parts['port'] === undefined ? defaultPort : parsePort(parts['port']);
  if (!isHost || port === undefined) throw badAddress(text, defaultPort);
  return { host, port };
}

/** The opposite of `parseAddress`, always with the port. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function isName(host: string): boolean {
  // The URL parser refuses what looks like an IPv4 address and is none: 10.0.0.256, 1.2.3.4.5.
  return host.length <= HOST_LENGTH_MAX && HOST.test(host) && URL.canParse(`http://${host}`);
}

function isIpv6(host: string): boolean {
  const [address = '', zone] = host.split('%', 2);
  return (zone === undefined || /^[\w.-]+$/.test(zone)) && address.includes(':') && URL.canParse(`http://[${address}]`);
}

function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function badAddress(text: string, defaultPort: number, todo?: string): MeshError {
  return new MeshError('BAD_ADDRESS', `"${text}" is not an address`, {
    given: text,
    expected: `host or host:port, such as 10.0.0.1, node-1:${defaultPort} or [::1]:${defaultPort}`,
    ...(todo === undefined ? {} : { todo }),
  });
}
