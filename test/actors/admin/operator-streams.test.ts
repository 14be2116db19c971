import { expect } from 'chai';
import { OperatorStreams } from '../../../src/actors/admin/operator-streams.ts';
import type { StreamsEffect, StreamsInput } from '../../../src/actors/admin/operator-streams.ts';
import type { BusDelivery } from '../../../src/actors/bus/bus-messages.ts';
import type { RegistryNews } from '../../../src/actors/registry/registry-messages.ts';
import { MeshError } from '../../../src/errors.ts';

const tail = (stream: string, agent = 'a1'): StreamsInput => ({ kind: 'tail', stream, agent, subject: `about ${agent}` });
const watch = (stream: string, prefix = ''): StreamsInput => ({ kind: 'watch', stream, prefix });
const closed = (stream: string): StreamsInput => ({ kind: 'closed', stream });
const telemetry = (agent = 'a1'): BusDelivery => ({ kind: 'bus-delivery', subject: `about ${agent}`, payload: new Uint8Array(), from: 'n2' });
const news = (stream: string): RegistryNews => ({ kind: 'registry-news', watch: stream, change: { type: 'synced' } });
const PULSE: StreamsInput = { kind: 'pulse' };

/** An effect in few words: what, about whom. */
function said(effect: StreamsEffect): string {
  switch (effect.kind) {
    case 'subscribe':
    case 'unsubscribe':
      return `${effect.kind} ${effect.subject}`;
    case 'show-telemetry':
      return `show ${effect.agent} to ${effect.streams.join(', ')}`;
    case 'close':
      return `close ${effect.stream}: ${effect.fault.code}`;
    case 'watch':
    case 'unwatch':
    case 'show-change':
      return `${effect.kind} ${effect.stream}`;
  }
}

describe('the streams of operators', () => {
  let streams: OperatorStreams;
  beforeEach(() => void (streams = new OperatorStreams()));
  const say = (...inputs: StreamsInput[]): string[] => inputs.flatMap((input) => streams.handle(input)).map(said);

  it('that tail one agent share its subject until the last of them goes', () => {
    say(tail('s1'), tail('s2'));
    expect(say(telemetry())).to.deep.equal(['show a1 to s1, s2']);
    expect(say(closed('s1'))).to.deep.equal([]);
    expect(say(closed('s2'))).to.deep.equal(['unsubscribe about a1']);
    expect(say(closed('s2'), PULSE)).to.deep.equal([]);
    expect(streams.tailed).to.deep.equal([]);
  });

  it('that tail subscribe again on every pulse: the bus may have forgotten them', () => {
    say(tail('s1'), tail('s2'), tail('s3', 'a2'));
    for (let pulse = 0; pulse < 2; pulse++) expect(say(PULSE)).to.deep.equal(['subscribe about a1', 'subscribe about a2']);
  });

  it('that watch are shown what is theirs, until they go', () => {
    expect(say(watch('s1'), watch('s2'), news('s2'))).to.deep.equal(['watch s1', 'watch s2', 'show-change s2']);
    expect(say(closed('s2'))).to.deep.equal(['unwatch s2']);
    expect(streams.watches).to.equal(1);
  });

  it('say once more that they are gone when something still comes for them', () => {
    say(tail('s1'), watch('s2'), closed('s1'), closed('s2'));
    expect(say(telemetry(), telemetry(), news('s2'), news('s2'))).to.deep.equal([]);
    expect(say(PULSE)).to.deep.equal(['unsubscribe about a1', 'unwatch s2']);
    expect(say(PULSE)).to.deep.equal([]);
  });

  it('are not cut off by what came for the one before them', () => {
    say(tail('s1'), closed('s1'), telemetry(), tail('s2'));
    expect(say(PULSE)).to.deep.equal(['subscribe about a1']);
  });

  it('that watch are closed, all and once, when the registry goes: they cannot know what they missed', () => {
    say(watch('s1'), watch('s2'), tail('s3'));
    expect(say({ kind: 'registry-down' })).to.deep.equal(['unwatch s1', 'close s1: OVERLOADED', 'unwatch s2', 'close s2: OVERLOADED']);
    expect(say({ kind: 'registry-down' }, closed('s1'))).to.deep.equal([]);
    expect(streams.tailed).to.deep.equal(['a1']);
  });

  it('that watch are closed when they do not take a change; those that tail miss a record', () => {
    say(watch('s1'), tail('s2'));
    const notTaken = (stream: string): StreamsInput => ({ kind: 'not-taken', stream });
    expect(say(notTaken('s1'), notTaken('s2'))).to.deep.equal(['unwatch s1', 'close s1: OVERLOADED']);
    expect(say(telemetry())).to.deep.equal(['show a1 to s2']);
  });

  it('that the registry refuses are closed with its reason', () => {
    say(watch('s1'), watch('s2'));
    expect(say({ kind: 'watch-answered', stream: 's1', fault: undefined })).to.deep.equal([]);
    expect(say({ kind: 'watch-answered', stream: 's2', fault: new MeshError('TOO_LARGE', 'no') })).to.deep.equal(['unwatch s2', 'close s2: TOO_LARGE']);
  });

  it('are 256 at most, of both kinds together', () => {
    for (let at = 0; at < 128; at++) say(tail(`t${at}`), watch(`w${at}`));
    expect(say(tail('t'), watch('w'))).to.deep.equal(['close t: OVERLOADED', 'close w: OVERLOADED']);
    expect(say(closed('t0'), watch('again'))).to.deep.equal(['watch again']);
  });
});
