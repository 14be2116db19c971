/**
 * The audit log of a node, `<data-dir>/trust/audit.jsonl`: who did what, what became of it, appended as it happens and never
 * changed. Only its owner can read it. Its older parts are `audit1.jsonl` and so on.
 */
import { closeSync, fchmodSync, fstatSync, fsync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { linesBackwards, partOf } from '../line-file.ts';
import { AUDIT_LINE_BYTES_MAX, auditLine, CHAIN_START, ChainCheck, readAuditLine } from './audit-chain.ts';
import type { AuditEntry, AuditEvent, ChainHead, ChainVerdict } from './audit-chain.ts';

/** Some 150,000 entries: years of what operators do, and never a full disk. */
const PART_BYTES_MAX = 5 * 1024 * 1024;
const PARTS_MAX = 10;
/** What is larger was not written here. */
const READ_BYTES_MAX = 4 * PART_BYTES_MAX;
/** Refusals are what strangers cause: of each kind these many a window, and with the next of them how many more there were. */
const REFUSALS_MAX = 20;
const REFUSAL_WINDOW_MS = 10_000;
const KINDS_MAX = 256;
const OTHERS = 0o077;
const NEWLINE = 0x0a;

export function auditFileOf(dataDir: string): string {
  return join(dataDir, 'trust', 'audit.jsonl');
}

export interface AuditTrouble {
  /** The disk does not take entries; the next one that it takes says how many were lost. */
  readonly lost: (error: unknown) => void;
  /** Somebody else has changed the file: it ended otherwise than this writer had left it. */
  readonly changed: (expected: ChainHead, found: ChainHead) => void;
}

interface Part {
  readonly handle: number;
  readonly inode: number;
  bytes: number;
}

/**
 * Writes before it returns, so that what is answered is written even when the process ends at once; the disk itself follows
 * a moment later. One writer a file: the owner of the data directory.
 */
export class AuditLog {
  readonly #file: string;
  readonly #trouble: AuditTrouble;
  readonly #partBytesMax: number;
  readonly #refusals = new Map<string, { windowStart: number; written: number; heldBack: number }>();
  #part: Part | undefined;
  #head: ChainHead | undefined;
  #lost = 0;
  #tornBytes = 0;
  #isSyncing = false;

  constructor(file: string, trouble: AuditTrouble, partBytesMax = PART_BYTES_MAX) {
    this.#file = file;
    this.#trouble = trouble;
    this.#partBytesMax = partBytesMax;
  }

  /** Never throws: trouble with the disk costs entries, is told, and is counted in the next entry. */
  record(event: AuditEvent, nowMs: number): void {
    const heldBack = event.outcome === 'refused' ? this.#refusalsBefore(event.what, nowMs) : 0;
    if (heldBack === undefined) return;
    const at = new Date(nowMs).toISOString();
    try {
      this.#open(at);
      this.#append({ ...event, at, ...(heldBack > 0 && { heldBack }) });
    } catch (error) {
      if (this.#lost++ === 0) this.#trouble.lost(error);
      this.#closePart();
    }
  }

  close(): void {
    this.#closePart();
  }

  /** How many of this kind were held back before this one; undefined when this one is held back too. */
  #refusalsBefore(what: string, nowMs: number): number | undefined {
    let refusals = this.#refusals.get(what);
    if (refusals === undefined || nowMs - refusals.windowStart >= REFUSAL_WINDOW_MS || nowMs < refusals.windowStart) {
      // Names of kinds are ours, so there are few; the bound is for the day when one is not.
      if (refusals === undefined && this.#refusals.size >= KINDS_MAX) this.#refusals.clear();
      refusals = { windowStart: nowMs, written: 0, heldBack: refusals?.heldBack ?? 0 };
      this.#refusals.set(what, refusals);
    }
    if (refusals.written >= REFUSALS_MAX) {
      refusals.heldBack++;
      return undefined;
    }
    refusals.written++;
    const before = refusals.heldBack;
    refusals.heldBack = 0;
    return before;
  }

  #append(event: Omit<AuditEntry, 'sequence' | 'previous'>): void {
    const isRotated = this.#rotateIfFull();
    const part = this.#part!;
    const more = { ...(this.#lost > 0 && { lost: this.#lost }), ...(this.#tornBytes > 0 && { tornBytes: this.#tornBytes }), ...(isRotated && { keptFrom: oldestKept(this.#file) }) };
    const { line, head } = auditLine({ ...event, ...more }, this.#head ?? CHAIN_START);
    const bytes = Buffer.from(`${this.#tornBytes > 0 && !isRotated ? '\n' : ''}${line}\n`);
    try {
      if (writeSync(part.handle, bytes) < bytes.length) throw new Error('the disk took only part of a line');
    } catch (error) {
      undoPartOf(part);
      throw error;
    }
    part.bytes += bytes.length;
    this.#head = head;
    this.#lost = 0;
    this.#tornBytes = 0;
    this.#sync(part.handle);
  }

  /** The part that this writer left, or, when the file is another or has another end, what is there now. */
  #open(at: string): void {
    const there = statIfThere(this.#file);
    if (this.#part !== undefined && there?.ino === this.#part.inode && there.size === this.#part.bytes) return;
    this.#closePart();
    mkdirSync(dirname(this.#file), { mode: 0o700, recursive: true });
    const handle = openSync(this.#file, 'a+', 0o600);
    const found = fstatSync(handle);
    const { ino: inode, size: bytes, mode } = found;
    this.#part = { handle, inode, bytes };
    if (found.isFile() && (mode & OTHERS) !== 0) fchmodSync(handle, 0o600);
    this.#tornBytes = tornBytesOf(handle, bytes);
    const [expected, head] = [this.#head, headOf(this.#file)];
    this.#head = head;
    if (expected === undefined || expected.hash === head.hash) return;
    this.#trouble.changed(expected, head);
    const detail = `it ended with entry ${head.sequence}, and this node had written entry ${expected.sequence} last (hash ${expected.hash})`;
    this.#append({ at, what: 'audit-changed', who: 'this node', outcome: 'failed', detail });
  }

  #rotateIfFull(): boolean {
    if (this.#part!.bytes < this.#partBytesMax) return false;
    this.#closePart();
    for (let part = PARTS_MAX - 1; part > 0; part--) {
      if (statIfThere(partOf(this.#file, part - 1)) !== undefined) renameSync(partOf(this.#file, part - 1), partOf(this.#file, part));
    }
    const handle = openSync(this.#file, 'ax', 0o600);
    this.#part = { handle, inode: fstatSync(handle).ino, bytes: 0 };
    return true;
  }

  /** One at a time, and nobody waits for it. */
  #sync(handle: number): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    fsync(handle, () => void (this.#isSyncing = false));
  }

  #closePart(): void {
    const part = this.#part;
    this.#part = undefined;
    if (part !== undefined) closeSync(part.handle);
  }
}

/** The newest entries that can be read, oldest first. */
export function readAudit(file: string, wanted: (entry: AuditEntry) => 'take' | 'enough'): readonly AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (const line of linesBackwards(file, AUDIT_LINE_BYTES_MAX)) {
    const read = readAuditLine(line);
    if (read === undefined) continue;
    if (wanted(read.entry) === 'enough') break;
    entries.push(read.entry);
  }
  return entries.reverse();
}

/** @param expected the hash of an entry that must be among them. May throw what the system does */
export function verifyAudit(file: string, expected?: string): ChainVerdict {
  const check = new ChainCheck(expected);
  for (let part = PARTS_MAX - 1; part >= 0; part--) {
    const path = partOf(file, part);
    const size = statIfThere(path)?.size;
    if (size === undefined) continue;
    if (size > READ_BYTES_MAX) throw new Error(`${path} has ${size} bytes, and no part of an audit log has more than ${READ_BYTES_MAX}`);
    const lines = readFileSync(path, 'utf8').split('\n');
    const torn = lines.pop()!;
    lines.forEach((line, at) => check.line(line, basename(path), at + 1, true));
    if (torn !== '') check.line(torn, basename(path), lines.length + 1, false);
  }
  return check.verdict();
}

/** The last line of all parts that can be read. */
function headOf(file: string): ChainHead {
  for (const line of linesBackwards(file, AUDIT_LINE_BYTES_MAX)) {
    const read = readAuditLine(line);
    if (read !== undefined) return read.head;
  }
  return CHAIN_START;
}

function oldestKept(file: string): number {
  for (let part = PARTS_MAX - 1; part > 0; part--) {
    const path = partOf(file, part);
    if (statIfThere(path) === undefined) continue;
    const [first = ''] = readFileSync(path, 'utf8').split('\n', 1);
    return readAuditLine(first)?.entry.sequence ?? 1;
  }
  return 1;
}

/** What a full disk took of a line goes again: only whole lines are entries. */
function undoPartOf({ handle, bytes }: Part): void {
  try {
    ftruncateSync(handle, bytes);
  } catch {
    // Then it is half a line, which the next entry tells of.
  }
}

/** How many bytes stand behind the last newline. */
function tornBytesOf(handle: number, bytes: number): number {
  const tail = Buffer.alloc(Math.min(bytes, AUDIT_LINE_BYTES_MAX));
  const read = tail.subarray(0, readSync(handle, tail, 0, tail.length, bytes - tail.length));
  return read.length - 1 - read.lastIndexOf(NEWLINE);
}

function statIfThere(path: string): { readonly ino: number; readonly size: number } | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
