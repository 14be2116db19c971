/**
 * The audit log as lines: each carries the hash of the one before it and its own, so that a line that is altered, taken out,
 * put in or moved is found. Pure.
 *
 * What a chain cannot show is that its end was cut off, or that all of it was written anew by somebody who may write the
 * file. Whoever notes the hash of its last line elsewhere can have it looked for (`mesh audit verify --expect`).
 */
import { createHash } from 'node:crypto';

export interface AuditEvent {
  /** What was done or tried: a short, constant, kebab-case name. */
  readonly what: string;
  /** Who did it: a SPIFFE ID that was proved, a user of this machine as the command says it, or the node itself. */
  readonly who: string;
  readonly outcome: 'done' | 'begun' | 'refused' | 'failed';
  /** To whom or what. */
  readonly subject?: string;
  /** Why it was done, or why not; never a secret. */
  readonly detail?: string;
}

export interface AuditEntry extends AuditEvent {
  /** Counts from 1, over all parts and runs. */
  readonly sequence: number;
  /** By the clock of this machine, ISO 8601. */
  readonly at: string;
  /** Events of this kind, refused, that came before this one and were too many to write each down. */
  readonly heldBack?: number;
  /** Events before this one that the disk did not take. */
  readonly lost?: number;
  /** What stands before this line and has no newline: what a crash or a full disk has left of a line. */
  readonly tornBytes?: number;
  /** The first entry of a part that others stand before: the oldest one that is still kept. */
  readonly keptFrom?: number;
  readonly previous: string;
}

/** The end of a chain: where it goes on from. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

export const CHAIN_START: ChainHead = { sequence: 0, hash: '0'.repeat(64) };

/** Each text of an event; what is longer is cut. With all fields a line stays below LINE_BYTES_MAX. */
const TEXT_CHARS_MAX = 512;
export const AUDIT_LINE_BYTES_MAX = 16_384;

const LINE = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/;

export function auditLine(entry: Omit<AuditEntry, 'sequence' | 'previous'>, head: ChainHead): { readonly line: string; readonly head: ChainHead } {
  const sequence = head.sequence + 1;
  const { at, what, who, outcome, subject, detail, ...more } = entry;
  const texts = { what: clipped(what), who: clipped(who), outcome, subject: clipped(subject), detail: clipped(detail) };
  const body = JSON.stringify({ sequence, at, ...texts, ...more, previous: head.hash }).slice(0, -1);
  const hash = hashOf(body);
  return { line: `${body},"hash":"${hash}"}`, head: { sequence, hash } };
}

/** Undefined for what is no line of a chain, or has been altered. */
export function readAuditLine(line: string): { readonly entry: AuditEntry; readonly head: ChainHead } | undefined {
  const [, body, hash] = LINE.exec(line) ?? [];
  if (body === undefined || hash === undefined || hashOf(body) !== hash) return undefined;
  const entry = JSON.parse(`${body}}`) as AuditEntry;
  return { entry, head: { sequence: entry.sequence, hash } };
}

export interface ChainVerdict {
  readonly entries: number;
  readonly first: number;
  /** The last whole entry. */
  readonly head: ChainHead;
  /** What is no fault, and should be known. */
  readonly remarks: readonly string[];
  /** The first line that breaks the chain. */
  readonly broken: { readonly file: string; readonly line: number; readonly why: string } | undefined;
}

/** Goes along a chain, the oldest line first, and stops at the first that breaks it. */
export class ChainCheck {
  readonly #expected: string | undefined;
  readonly #remarks: string[] = [];
  #isExpectedFound = false;
  #entries = 0;
  #first = 0;
  #head: ChainHead | undefined;
  /** The oldest entry that is kept, as the last rotation says. */
  #keptFrom = 1;
  /** A line that cannot be read: what a crash has left, if the line behind it says so. */
  #torn: { readonly file: string; readonly line: number; readonly bytes: number; readonly isWhole: boolean } | undefined;
  #broken: ChainVerdict['broken'];

  /** @param expected the hash of an entry that must be among them */
  constructor(expected?: string) {
    this.#expected = expected;
  }

  /** @param isWhole whether a newline stands behind it */
  line(text: string, file: string, line: number, isWhole: boolean): void {
    if (this.#broken !== undefined) return;
    const read = isWhole ? readAuditLine(text) : undefined;
    if (this.#torn !== undefined) this.#judgeTorn(this.#torn, read?.entry);
    if (this.#broken !== undefined) return;
    if (read === undefined) {
      this.#torn = { file, line, bytes: Buffer.byteLength(text), isWhole };
      return;
    }
    const why = this.#faultOf(read.entry);
    if (why === undefined) this.#take(read.entry, read.head);
    else this.#breakAt(file, line, why);
  }

  verdict(): ChainVerdict {
    if (this.#torn?.isWhole === true) this.#breakAt(this.#torn.file, this.#torn.line, UNREADABLE);
    else if (this.#torn !== undefined) this.#remarks.push(`${this.#torn.file} line ${this.#torn.line}, the last, was not written to its end`);
    // What rotation gives up, it says; whatever else is missing at the beginning was taken.
    if (this.#entries > 0 && this.#first !== this.#keptFrom) this.#breakAt('the oldest part', 1, `it begins with entry ${this.#first}, and ${this.#keptFrom} is the oldest that is kept`);
    if (this.#expected !== undefined && !this.#isExpectedFound) this.#breakAt('the log', this.#entries, `no entry in it has the hash ${this.#expected}`);
    return { entries: this.#entries, first: this.#first, head: this.#head ?? CHAIN_START, remarks: this.#remarks, broken: this.#broken };
  }

  #judgeTorn({ file, line, bytes }: { readonly file: string; readonly line: number; readonly bytes: number }, next: AuditEntry | undefined): void {
    if (next?.tornBytes !== bytes) return this.#breakAt(file, line, UNREADABLE);
    this.#remarks.push(`${file} line ${line} is ${bytes} bytes of a line that was not written to its end`);
    this.#torn = undefined;
  }

  #faultOf({ sequence, previous }: AuditEntry): string | undefined {
    const { sequence: before, hash } = this.#head ?? { sequence: sequence - 1, hash: sequence === 1 ? CHAIN_START.hash : previous };
    if (sequence > before + 1) return sequence === before + 2 ? `entry ${before + 1} is missing before it` : `entries ${before + 1} to ${sequence - 1} are missing before it`;
    if (sequence <= before) return `entry ${sequence} stands behind entry ${before}: moved, repeated, or of a second writer`;
    return previous === hash ? undefined : `it was not written behind the entry ${before} that stands before it`;
  }

  #take(entry: AuditEntry, head: ChainHead): void {
    if (this.#entries++ === 0) this.#first = entry.sequence;
    if (entry.keptFrom !== undefined) this.#keptFrom = entry.keptFrom;
    if (entry.lost !== undefined) this.#remarks.push(`${entry.lost} events before entry ${entry.sequence} were not taken by the disk`);
    if (head.hash === this.#expected) this.#isExpectedFound = true;
    this.#head = head;
  }

  /** The first counts. */
  #breakAt(file: string, line: number, why: string): void {
    this.#broken ??= { file, line, why };
  }
}

const UNREADABLE = 'it was altered, or is no line of an audit log';

function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

function clipped(text: string): string;
function clipped(text: string | undefined): string | undefined;
function clipped(text: string | undefined): string | undefined {
  return text === undefined || text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX)}…`;
}
