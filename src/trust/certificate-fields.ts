/**
 * What node:crypto does not say about a certificate: its extensions, read from the DER (X.690 definite lengths; RFC 5280,
 * section 4.1). Of the usage of the key node:crypto shows nothing, and of the names a text whose quoting has been attacked.
 */
import type { X509Certificate } from 'node:crypto';
import { MeshError } from '../errors.ts';

interface Element {
  readonly tag: number;
  readonly body: Buffer;
  /** With what stands before its body. */
  readonly whole: Buffer;
}

interface Extension {
  readonly isCritical: boolean;
  readonly value: Buffer;
}

/** By OID as it stands in DER, in hex. */
const KEY_USAGE = '551d0f';
const SUBJECT_ALT_NAME = '551d11';
const KNOWN = new Set([KEY_USAGE, SUBJECT_ALT_NAME, '551d13', '551d25', '551d0e', '551d23']);
const TAG_BOOLEAN = 0x01;
const TAG_BIT_STRING = 0x03;
const TAG_OBJECT_ID = 0x06;
const TAG_SEQUENCE = 0x30;
/** [3] of TBSCertificate. */
const TAG_EXTENSIONS = 0xa3;
/** GeneralName: uniformResourceIdentifier [6]. */
const TAG_URI = 0x86;

export interface CertificateFields {
  /** Every URI among the subject's alternative names. */
  readonly uris: readonly string[];
  readonly mayDigitalSign: boolean;
  /** Whether it may sign certificates or lists of revoked ones. */
  readonly maySignCertificates: boolean;
  /** OIDs in hex that are critical and unknown here: RFC 5280, section 4.2, has such a certificate refused. */
  readonly unknownCritical: readonly string[];
}

function malformed(): MeshError {
  return new MeshError('MALFORMED', 'a certificate is not encoded as certificates are', { expected: 'DER as in RFC 5280' });
}

function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at]!;
    const first = bytes[at + 1] ?? 0x80;
    const more = first & 0x80 ? first & 0x7f : 0;
    if (first === 0x80 || more > 3 || at + 2 + more > bytes.length) throw malformed();
    const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
    const start = at + 2 + more;
    if (start + length > bytes.length) throw malformed();
    found.push({ tag, body: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) });
    at = start + length;
  }
  return found;
}

function only(bytes: Buffer, tag: number): Buffer {
  const [first] = elements(bytes);
  if (first?.tag !== tag) throw malformed();
  return first.body;
}

function extensionsOf(raw: Buffer): Map<string, Extension> {
  const found = new Map<string, Extension>();
  const signed = only(only(raw, TAG_SEQUENCE), TAG_SEQUENCE);
  const list = elements(signed).find(({ tag }) => tag === TAG_EXTENSIONS);
  if (list === undefined) return found;
  for (const { body } of elements(only(list.body, TAG_SEQUENCE))) {
    const parts = elements(body);
    const [id] = parts;
    const value = parts.at(-1);
    if (id?.tag !== TAG_OBJECT_ID || value === undefined || found.has(id.body.toString('hex'))) throw malformed();
    const isCritical = parts.length === 3 && parts[1]?.tag === TAG_BOOLEAN && parts[1].body[0] !== 0;
    found.set(id.body.toString('hex'), { isCritical, value: value.body });
  }
  return found;
}

/** Certificates that stand one after the other; throws MALFORMED where the last one is cut off. */
export function concatenated(ders: Buffer): readonly Buffer[] {
  return elements(ders).map(({ whole }) => whole);
}

/** Throws MALFORMED where the bytes are not a certificate's. */
export function certificateFields(certificate: X509Certificate): CertificateFields {
  const extensions = extensionsOf(certificate.raw);
  const names = extensions.get(SUBJECT_ALT_NAME);
  const usage = extensions.get(KEY_USAGE);
  /** A BIT STRING: the number of unused bits, then digitalSignature as the highest bit (RFC 5280, section 4.2.1.3). */
  const usageBits = usage === undefined ? 0 : (only(usage.value, TAG_BIT_STRING)[1] ?? 0);
  return {
    uris: names === undefined ? [] : elements(only(names.value, TAG_SEQUENCE)).filter(({ tag }) => tag === TAG_URI).map(({ body }) => body.toString('latin1')),
    mayDigitalSign: (usageBits & 0x80) !== 0,
    maySignCertificates: (usageBits & 0x06) !== 0,
    unknownCritical: [...extensions].filter(([id, { isCritical }]) => isCritical && !KNOWN.has(id)).map(([id]) => id),
  };
}
