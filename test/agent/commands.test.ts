import { expect } from 'chai';
import { answerCommand } from '../../src/agent/commands.ts';
import type { AgentFacts } from '../../src/agent/commands.ts';

const FACTS: AgentFacts = {
  id: 'a1',
  program: 'mesh-agent/1.2.3',
  time: '2026-01-02T03:04:05.000Z',
  hostName: 'host-1',
  platform: 'Linux 6.1 x64',
  uptimeMs: 61_999,
  labels: { rack: 'r1' },
  samples: [
    { name: 'cpu.used_ratio', value: 0.12345 },
    { name: 'memory.used_bytes', value: 1_048_576 },
  ],
};

describe('a command to the agent', () => {
  it('ping is answered with pong, the id and the time', () => {
    expect(answerCommand('ping', [], FACTS)).to.deep.equal({ ok: true, output: 'pong from a1 at 2026-01-02T03:04:05.000Z' });
  });

  it('echo is answered with its arguments', () => {
    expect(answerCommand('echo', ['a', ' b', '', 'ü'], FACTS).output).to.equal('a  b  ü');
    expect(answerCommand('echo', [], FACTS)).to.deep.equal({ ok: true, output: '' });
  });

  it('info tells of the program and its host', () => {
    const lines = answerCommand('info', [], FACTS).output.split('\n').map((line) => line.replace(/ +/g, ' '));
    expect(lines).to.deep.equal(['id a1', 'program mesh-agent/1.2.3', 'host host-1', 'platform Linux 6.1 x64', 'uptime 61 s', 'label rack r1']);
  });

  it('metrics tells the latest figures', () => {
    expect(answerCommand('metrics', [], FACTS).output).to.equal('cpu.used_ratio     0.123\nmemory.used_bytes  1048576');
    expect(answerCommand('metrics', [], { ...FACTS, samples: [] })).to.deep.equal({ ok: true, output: '' });
  });

  it('help lists every command, each of which is answered', () => {
    const names = answerCommand('help', [], FACTS).output.split('\n').map((line) => line.split(' ')[0]!);
    expect(names).to.deep.equal(['ping', 'echo', 'info', 'metrics', 'help']);
    for (const name of names) expect(answerCommand(name, [], FACTS).ok, name).to.equal(true);
  });

  it('an unknown one is answered with the nearest', () => {
    expect(answerCommand('pnig', [], FACTS)).to.deep.equal({ ok: false, output: 'this agent has no command "pnig": did you mean ping?' });
  });

  it('one like no other is answered with all there are', () => {
    expect(answerCommand('frobnicate', [], FACTS).output).to.contain('it knows ping, echo, info, metrics, help');
    expect(answerCommand('constructor', [], FACTS).ok).to.equal(false);
  });

  for (const letter of ['a', 'ü', '🜁']) {
    it(`an answer of many ${letter} is cut between letters at 64 KiB`, () => {
      const { output } = answerCommand('echo', [letter.repeat(70_000)], FACTS);
      expect(Buffer.byteLength(output)).to.be.within(64 * 1024 - 4, 64 * 1024);
      expect(output).to.match(/\(cut: an answer holds 64 KiB\)$/);
      expect(output).not.to.contain('\ufffd');
    });
  }
});
