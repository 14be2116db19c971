import { expect } from 'chai';
import { formatAgents, formatTelemetry } from '../../src/cli/format-agents.ts';
import { formatDuration } from '../../src/cli/format-duration.ts';
import { formatEvent, formatGap, formatHistory } from '../../src/cli/format-events.ts';
import { formatMembers, formatStatus } from '../../src/cli/format-node.ts';
import { formatChange, formatEntries } from '../../src/cli/format-registry.ts';
import { formatTable } from '../../src/cli/format-table.ts';
import { formatTree } from '../../src/cli/format-tree.ts';
import { paintFor, paintStatus, printable } from '../../src/cli/paint.ts';
import type { HistoryLine, MemberLine, TreeLine } from '../../src/cli/views.ts';

const PLAIN = paintFor(false, {});
const COLOURED = paintFor(true, {});

const worker = (path: string, more: Partial<TreeLine> = {}): TreeLine => ({
  path,
  type: 'worker',
  status: 'running',
  restart: 'permanent',
  life: 1,
  restarts: 0,
  mailbox: 0,
  mailboxMax: 1000,
  processed: 5,
  uptimeMs: 61_000,
  lastError: null,
  children: [],
  ...more,
});

const TREE: TreeLine = worker('/', {
  type: 'supervisor',
  strategy: 'rest_for_one',
  children: [
    worker('/membership', { restarts: 2, mailbox: 600, lastError: 'Error: boom\n    at somewhere' }),
    worker('/agents', {
      type: 'supervisor',
      strategy: 'dynamic',
      children: [worker('/agents/a1'), worker('/agents/a2', { status: 'restarting', mailbox: 3 })],
    }),
    worker('/bus', { uptimeMs: 999 }),
  ],
});

const MEMBER: MemberLine = {
  name: 'a',
  address: '127.0.0.1:7946',
  status: 'alive',
  incarnation: 1,
  isSelf: true,
  isDegraded: false,
  udpLost: false,
  verified: 'yes',
  quarantine: null,
  grpcAddress: '127.0.0.1:7947',
  session: 'none',
  rttMs: null,
  sinceMs: 3_600_000,
  tags: { zone: 'eu', role: 'web', grpc: '127.0.0.1:7947' },
};

const EVENT: HistoryLine = {
  sequence: 7,
  at: '2025-01-01T00:00:00.000Z',
  type: 'crash',
  path: '/bus',
  life: 3,
  reason: 'error',
  decision: 'restart',
  delayMs: 200,
  error: 'TypeError: x\n  at y',
  boot: 'b2',
  isEarlierRun: false,
};

describe('what people read', () => {
  it('draws a table of many rows as one, its wide letters uncut', () => {
    const rows = Array.from({ length: 250 }, (_, at) => [`row ${at}`, at === 120 ? '日本語 ⌚' : 'x', 'end']);
    const lines = formatTable([{ head: 'A' }, { head: 'B' }, { head: 'C' }], rows, PLAIN);
    expect(lines).to.have.length(251);
    expect(lines[121]).to.include('日本語 ⌚').and.to.include('end');
    expect(lines.map((line) => line.indexOf('end')).filter((at, row) => row > 0 && row !== 121).every((at) => at === lines[1]!.indexOf('end'))).to.equal(true);
  });

  it('draws the tree with its branches, one actor a line', () => {
    expect(formatTree(TREE, PLAIN)).to.deep.equal([
      'ACTOR                STATE       RESTARTS   MAILBOX  UPTIME  LAST ERROR',
      '/ (rest_for_one)     running            0    0/1000  1m 01s',
      '├─ membership        running            2  600/1000  1m 01s  Error: boom',
      '├─ agents (dynamic)  running            0    0/1000  1m 01s',
      '│  ├─ a1             running            0    0/1000  1m 01s',
      '│  └─ a2             restarting         0    3/1000       -',
      '└─ bus               running            0    0/1000   999ms',
    ]);
  });

  it('draws the tree on a narrow screen with what has room, the state to the last', () => {
    const narrow = formatTree(TREE, PLAIN, 40);
    expect(narrow.slice(0, 3)).to.deep.equal(['ACTOR          STATE       RESTARTS', '/              running            0', '├─ membership  running            2']);
    expect(formatTree(TREE, PLAIN, 20)[2]).to.equal('├─ membership  running');
    for (const width of [40, 50, 60, 70, 80]) expect(Math.max(...formatTree(TREE, PLAIN, width).map((line) => line.length)), String(width)).to.be.at.most(width);
    const [head, root] = formatTree(TREE, PLAIN, 64);
    expect(head).to.equal('ACTOR                STATE       RESTARTS   MAILBOX  LAST ERROR');
    expect(root).to.match(/^\/ \(rest_for_one\) +running +0 +0\/1000$/);
  });

  it('colours on a terminal, and lines up all the same', () => {
    const coloured = formatTree(TREE, COLOURED);
    expect(coloured[2]).to.include('\u001b[32mrunning\u001b[39m');
    expect(coloured[5]).to.include('\u001b[33mrestarting\u001b[39m');
    // oxlint-disable-next-line no-control-regex
    expect(coloured.map((line) => line.replaceAll(/\u001b\[\d+m/g, '').trimEnd())).to.deep.equal(formatTree(TREE, PLAIN));
  });

  it('has no colours where nobody would see them, or somebody does not want them', () => {
    expect(paintStatus('dead', paintFor(true, {}))).to.equal('\u001b[31mdead\u001b[39m');
    for (const paint of [paintFor(false, {}), paintFor(true, { NO_COLOR: '1' }), paintFor(true, { TERM: 'dumb' })]) {
      expect(paintStatus('dead', paint)).to.equal('dead');
    }
    expect(paintStatus('dead', paintFor(true, { NO_COLOR: '' }))).to.not.equal('dead');
  });

  it('has colours on a pipe when somebody asks for them by FORCE_COLOR, and NO_COLOR is stronger', () => {
    const dead = (env: Record<string, string>): string => paintStatus('dead', paintFor(false, env));
    expect(dead({ FORCE_COLOR: '1' })).to.not.equal('dead');
    for (const env of [{ FORCE_COLOR: '' }, { FORCE_COLOR: '0' }, { FORCE_COLOR: 'false' }, { FORCE_COLOR: '1', NO_COLOR: '1' }, { CI: 'true' }]) expect(dead(env)).to.equal('dead');
  });

  it('lists members', () => {
    const other = { ...MEMBER, name: 'b', address: '127.0.0.2:7946', status: 'suspect', isDegraded: true, isSelf: false, session: 'open', rttMs: 0.4321, sinceMs: 12_300, incarnation: 12, tags: {} };
    expect(formatMembers([MEMBER, other], PLAIN)).to.deep.equal([
      'NAME           ADDRESS         STATUS             VERIFIED   SINCE  INCARNATION  SESSION    RTT  TAGS',
      'a (this node)  127.0.0.1:7946  alive              yes       1h 00m            1  -            -  role=web,zone=eu',
      'b              127.0.0.2:7946  suspect, degraded  yes          12s           12  open     0.4ms',
    ]);
  });

  it('lists members without a column for tags where none has any', () => {
    expect(formatMembers([{ ...MEMBER, tags: { grpc: '127.0.0.1:7947' } }], PLAIN)[0]).to.match(/RTT$/);
  });

  it('lists history, errors by their first line', () => {
    expect(formatHistory([EVENT, { ...EVENT, type: 'restart', decision: null, delayMs: 0, error: null, reason: '' }], PLAIN)).to.deep.equal([
      'TIME                      EVENT    ACTOR  LIFE  REASON  DECISION          ERROR',
      '2025-01-01T00:00:00.000Z  crash    /bus      3  error   restart in 200ms  TypeError: x',
      '2025-01-01T00:00:00.000Z  restart  /bus      3',
    ]);
  });

  it('says which run of the node an event is of, where there are several', () => {
    expect(formatHistory([{ ...EVENT, boot: 'b1', isEarlierRun: true }, EVENT], PLAIN)).to.deep.equal([
      'TIME                      RUN  EVENT  ACTOR  LIFE  REASON  DECISION          ERROR',
      '2025-01-01T00:00:00.000Z  b1   crash  /bus      3  error   restart in 200ms  TypeError: x',
      '2025-01-01T00:00:00.000Z  now  crash  /bus      3  error   restart in 200ms  TypeError: x',
    ]);
  });

  it('tells events as they come, and what is missing among them', () => {
    expect(formatEvent(EVENT, PLAIN)).to.equal('2025-01-01T00:00:00.000Z #7 crash /bus life 3: error → restart in 200ms');
    expect(formatEvent({ ...EVENT, type: 'restart', reason: 'restart', decision: null, delayMs: 0 }, PLAIN)).to.equal('2025-01-01T00:00:00.000Z #7 restart /bus life 3');
    expect(formatGap({ lost: 4, from: 8, to: 11 }, PLAIN)).to.equal('… 4 events are not kept any more: #8 to #11');
  });

  it('lists agents', () => {
    const agent = { id: 'a1', node: 'n', connected: true, ratePerS: 12.345, lastSeenMs: 40, records: 1234, program: 'mesh agent 0.1.0' };
    expect(formatAgents([agent, { ...agent, id: 'a2', connected: false, program: null, lastSeenMs: 90_000 }], PLAIN)).to.deep.equal([
      'ID  NODE  STATE      RATE/S   LAST SEEN  RECORDS  PROGRAM',
      'a1  n     connected    12.3    40ms ago     1234  mesh agent 0.1.0',
      'a2  n     offline      12.3  1m 30s ago     1234  -',
    ]);
  });

  it('prints telemetry on one line', () => {
    const line = { id: 'a1', node: 'n', sequence: 1, at: '2025-01-01T00:00:00.000Z', samples: { 'cpu.load': 0.123456, 'memory.used': 1024 } };
    expect(formatTelemetry(line, PLAIN)).to.equal('2025-01-01T00:00:00.000Z a1@n cpu.load=0.123 memory.used=1024');
  });

  it('lists entries, and says of a winner that it won', () => {
    const entry = { key: 'k', value: 'v', writer: 'n', writtenAt: '2025-01-01T00:00:00.000Z', conflict: false };
    expect(formatEntries([entry, { ...entry, key: 'long', conflict: true }], PLAIN)).to.deep.equal([
      'KEY   VALUE  WRITER  WRITTEN',
      'k     v      n       2025-01-01T00:00:00.000Z',
      'long  v      n       2025-01-01T00:00:00.000Z won over a concurrent write',
    ]);
    expect(formatChange({ type: 'put', key: 'k', entry }, PLAIN)).to.equal('put k = v (n, 2025-01-01T00:00:00.000Z)');
    expect(formatChange({ type: 'delete', key: 'k', entry: null }, PLAIN)).to.equal('delete k');
    expect(formatChange({ type: 'synced', key: null, entry: null }, PLAIN)).to.equal('synced');
  });

  it('shows of a long value as much as there is room for', () => {
    const entry = { key: 'k', value: 'v'.repeat(500), writer: 'n', writtenAt: '2025-01-01T00:00:00.000Z', conflict: false };
    expect(formatEntries([entry, { ...entry, value: 'short' }], PLAIN)).to.deep.equal([
      `KEY  VALUE${' '.repeat(57)}WRITER  WRITTEN`,
      `k    ${'v'.repeat(59)}…  n       2025-01-01T00:00:00.000Z`,
      `k    short${' '.repeat(57)}n       2025-01-01T00:00:00.000Z`,
    ]);
    for (const width of [50, 80, 200]) {
      const [, line = ''] = formatEntries([entry], COLOURED, width);
      expect(line).to.have.length(width).and.to.include('v…');
    }
    expect(formatEntries([{ ...entry, value: 'x'.repeat(70) }], PLAIN, 200)[1]).to.include('x'.repeat(70));
  });

  it('cuts errors to the terminal, and leaves them whole where there is none', () => {
    const long = worker('/a', { lastError: 'e'.repeat(300) });
    expect(formatTree(long, PLAIN, 80)[1]).to.have.length(80);
    expect(formatTree(long, PLAIN)[1]).to.include('e'.repeat(300));
  });

  it('tells a status, and only then of trouble when there is some', () => {
    const status = {
      node: 'a',
      version: '0.1.0',
      pid: 7,
      uptimeMs: 90_061_000,
      gossipAddress: '127.0.0.1:7946',
      grpcAddress: '127.0.0.1:7947',
      adminSocket: '/d/admin.sock',
      dataDir: '/d',
      profile: 'lan',
      incarnation: 2,
      membersAlive: 2,
      membersTotal: 3,
      sessionsOpen: 1,
      agentsConnected: 4,
      registryEntries: 1,
      registryNotSaved: null,
      actors: 20,
      restarts: 1,
      crashes: 1,
      memoryBytes: 90 * 1024 * 1024,
      unreachedSeeds: [],
      packetsDropped: { malformed: 0 },
      refusedCalls: {},
      udpLost: [], localHealth: { score: 0, max: 7, strain: '' },
      deadLetters: 5,
    };
    const lines = formatStatus(status, PLAIN);
    expect(lines).to.have.length(12);
    expect(lines[0]).to.equal('node            a, version 0.1.0, pid 7, up 1d 01h');
    expect(lines).to.include('members         2 alive of 3');
    expect(lines).to.include('registry        1 entry');
    expect(formatStatus({ ...status, registryNotSaved: { atMs: 1_000, reason: 'no space left' } }, PLAIN)).to.include(
      'registry        1 entry, not saved since 1970-01-01T00:00:01.000Z: no space left',
    );
    expect(lines).to.include('local health    healthy');
    expect(formatStatus({ ...status, localHealth: { score: 3, max: 7, strain: 'late-loop' } }, PLAIN)).to.include('local health    degraded (3 of 7): its own loop is late');
    expect(formatStatus({ ...status, localHealth: null }, PLAIN)).to.include('local health    unknown: membership does not answer');
    expect(lines).to.include('actors          20, 1 restart, 1 crash, 5 dead letters');
    expect(formatStatus({ ...status, unreachedSeeds: ['h:1'], packetsDropped: { malformed: 3, oversized: 1 }, refusedCalls: { CLOCK_SKEW: 2 } }, PLAIN).slice(-3)).to.deep.equal([
      'unreached seeds  h:1 (still trying)',
      'dropped packets  malformed 3, oversized 1',
      'refused calls    CLOCK_SKEW 2',
    ]);
  });

  for (const [durationMs, text] of [[-5, '0ms'], [0, '0ms'], [999, '999ms'], [1_000, '1s'], [59_999, '59s'], [60_000, '1m 00s'], [3_599_999, '59m 59s'], [3_600_000, '1h 00m'], [86_400_000, '1d 00h'], [8_640_000_000, '100d 00h']] as const) {
    it(`writes ${durationMs} ms as ${text}`, () => {
      expect(formatDuration(durationMs)).to.equal(text);
    });
  }

  it('shows control characters from elsewhere instead of obeying them', () => {
    expect(printable('a\u001b[2Jb\r\n\tc\u009b\u202e')).to.equal('a\\u001b[2Jb\\u000d\\n\\tc\\u009b\\u202e');
    expect(printable('Grüße 日本 🙂')).to.equal('Grüße 日本 🙂');
    expect(formatMembers([{ ...MEMBER, name: '\u001b[31mroot', address: 'x\ny' }], PLAIN)).to.have.length(2);
  });
});
