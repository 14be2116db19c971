/** Which hosts never leave this machine. Pure; imports nothing. */

/** 127.0.0.0/8 (RFC 1122, 3.2.1.3), ::1 in any spelling (RFC 4291, 2.5.3) and the name localhost (RFC 6761, 6.3). */
export function isLoopback(host: string): boolean {
  if (host.includes(':')) return URL.canParse(`http://[${host}]`) && new URL(`http://[${host}]`).hostname === '[::1]';
  return host.toLowerCase() === 'localhost' || /^127(\.\d{1,3}){3}$/.test(host);
}
