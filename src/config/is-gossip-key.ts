/** What a key for gossip is; apart from the other keys of the configuration, for the thread of gossip, which reads no configuration. */

/** AES-128, AES-192, AES-256. */
const KEY_BYTES: ReadonlySet<number> = new Set([16, 24, 32]);

/** Whether the text is a key in base64. */
export function isGossipKey(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && KEY_BYTES.has(Buffer.from(text, 'base64').length);
}
