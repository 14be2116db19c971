/** Words to a service manager, with a script in place of systemd-notify. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../src/clock.ts';
import { serviceManager } from '../../src/keeper/service-manager.ts';
import type { ServiceManager } from '../../src/keeper/service-manager.ts';

describe('words to a service manager', () => {
  let dir: string;
  let clock: VirtualClock;
  let warnings: string[];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mesh-notify-'));
    clock = new VirtualClock();
    warnings = [];
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const manager = (env: Record<string, string> = {}): ServiceManager =>
    serviceManager({ NOTIFY_SOCKET: '/run/notify', PATH: dir, ...env }, clock, (text) => warnings.push(text))!;

  function speakerIsThere(exitCode = 0): () => string[] {
    const heard = join(dir, 'heard');
    writeFileSync(heard, '');
    writeFileSync(join(dir, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${heard}\nexit ${exitCode}\n`, { mode: 0o755 });
    return () => readFileSync(heard, 'utf8').trim().split('\n');
  }

  it('are said in order; what is said meanwhile goes together, and the last of a name wins', async () => {
    const heard = speakerIsThere();
    const told = manager();
    told.notify({ READY: '1', STATUS: 'up' });
    told.notify({ STATUS: 'one' });
    told.notify({ WATCHDOG: '1' });
    told.notify({ STOPPING: '1', STATUS: 'two' });
    await told.close();
    expect(heard()).to.deep.equal(['/run/notify READY=1 STATUS=up', '/run/notify STATUS=two WATCHDOG=1 STOPPING=1']);
    expect(warnings).to.deep.equal([]);
  });

  it('are warned of once when they cannot be said, and hold nobody up', async () => {
    const told = manager();
    told.notify({ READY: '1' });
    told.notify({ STOPPING: '1' });
    await told.close();
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('/run/notify').and.to.include('systemd-notify');
  });

  it('are warned of once when they are not taken', async () => {
    speakerIsThere(1);
    const told = manager();
    told.notify({ READY: '1' });
    await told.close();
    expect(warnings).to.deep.equal(['the service manager at /run/notify does not hear: systemd-notify ended with 1']);
  });

  it('are for nobody where no manager listens', () => {
    const said = (text: string): void => void warnings.push(text);
    expect(serviceManager({}, clock, said)).to.equal(undefined);
    expect(serviceManager({ NOTIFY_SOCKET: '' }, clock, said)).to.equal(undefined);
  });

  it('include a sign of life twice in the interval that is asked for, until the end', async () => {
    const told = manager({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) });
    let beats = 0;
    told.watch(() => beats++);
    clock.advance(14_999);
    expect(beats).to.equal(0);
    clock.advance(45_001);
    expect(beats).to.equal(4);
    await told.close();
    clock.advance(60_000);
    expect(beats).to.equal(4);
  });

  for (const [what, env] of [
    ['is not asked for', {}],
    ['is asked of another process', { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }],
    ['is asked for in no number', { WATCHDOG_USEC: 'soon' }],
    ['is asked for in no time', { WATCHDOG_USEC: '0' }],
  ] as const) {
    it(`include no sign of life where it ${what}`, () => {
      let beats = 0;
      manager(env).watch(() => beats++);
      clock.advance(3_600_000);
      expect(beats).to.equal(0);
    });
  }
});
