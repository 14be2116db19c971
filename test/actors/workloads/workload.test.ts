import { expect } from 'chai';
import { Workload, type WorkloadEffect } from '../../../src/actors/workloads/workload.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import { bundleOf, makeAuthority, type Authority } from '../../../src/trust/authority.ts';
import type { Identity } from '../../../src/trust/identity-source.ts';
import { issueOwn } from '../../../src/trust/own-identity.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AWAY = new MeshError('NODE_UNREACHABLE', 'no Trust Fabric answers');
const BANNED = new MeshError('BANNED', 'web was banned');

describe('the identity of a workload', () => {
  let authority: Authority;
  let next: Authority;
  let node: Identity;
  let workload: Workload;
  before(async () => {
    [authority, next] = [await makeAuthority('omega.test', 0), await makeAuthority('omega.test', 0)];
    node = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: 0 });
  });
  beforeEach(() => {
    workload = new Workload(seededRandom(1));
  });

  const web = (nowMs: number, by = authority): Promise<Identity> => issueOwn(by, { kind: 'workload', name: 'n1/web', nowMs });
  const kinds = (effects: readonly WorkloadEffect[]): string[] => effects.map((effect) => (effect.kind === 'log' ? effect.event : effect.kind));
  const delayIn = (effects: readonly WorkloadEffect[]): number => effects.flatMap((effect) => (effect.kind === 'set-timer' ? [effect.delayMs] : []))[0] ?? -1;
  const faultIn = (nowMs: number): MeshError | undefined => {
    const standing = workload.standing(nowMs);
    return standing !== undefined && 'fault' in standing ? standing.fault : undefined;
  };

  it('is waited for until it is issued, and then told to all who wait', async () => {
    expect(kinds(workload.handle({ kind: 'tick' }, 0))).to.deep.equal(['issue']);
    expect(workload.handle({ kind: 'tick' }, 0)).to.deep.equal([]);
    expect(workload.standing(0)).to.equal(undefined);
    const identity = await web(0);
    expect(kinds(workload.handle({ kind: 'issued', identity }, 0))).to.deep.equal(['push', 'workload-identity', 'set-timer']);
    expect(workload.standing(0)).to.deep.equal({ identity });
  });

  it('is renewed at half its life, and pushed', async () => {
    workload.handle({ kind: 'tick' }, 0);
    workload.handle({ kind: 'issued', identity: await web(0) }, 0);
    expect(kinds(workload.handle({ kind: 'tick' }, 0.4 * HOUR))).to.deep.equal(['set-timer']);
    expect(kinds(workload.handle({ kind: 'tick' }, 0.56 * HOUR))).to.include('issue');
    const identity = await web(0.56 * HOUR);
    expect(kinds(workload.handle({ kind: 'issued', identity }, 0.56 * HOUR))).to.include.members(['push', 'identity-renewed']);
    expect(workload.standing(0.56 * HOUR)).to.deep.equal({ identity });
  });

  it('is said to be unavailable while there is no first one, and tried again at longer and longer delays', () => {
    workload.handle({ kind: 'tick' }, 0);
    const delays = [0, 1, 2, 3].map((at) => {
      const effects = workload.handle({ kind: 'failed', fault: AWAY }, at);
      expect(kinds(effects)).to.deep.equal(['end', 'workload-without-identity', 'set-timer']);
      expect(kinds(workload.handle({ kind: 'tick' }, at))).to.deep.equal(['issue']);
      return delayIn(effects);
    });
    expect(delays[3]).to.be.greaterThan(3 * delays[0]!);
    expect(faultIn(5)).to.include({ code: 'NODE_UNREACHABLE', message: 'the identity cannot be had at the moment: no Trust Fabric answers' });
  });

  it('is served until it expires while nobody renews it, and not beyond', async () => {
    workload.handle({ kind: 'tick' }, 0);
    const identity = await web(0);
    workload.handle({ kind: 'issued', identity }, 0);
    workload.handle({ kind: 'tick' }, 0.56 * HOUR);
    expect(kinds(workload.handle({ kind: 'failed', fault: AWAY }, 0.56 * HOUR))).to.not.include('end');
    expect(workload.standing(HOUR - 1)).to.deep.equal({ identity });
    expect(faultIn(HOUR + 1)?.code).to.equal('NODE_UNREACHABLE');
    expect(workload.fault).to.equal(AWAY);
  });

  it('is taken away when it is banned, whoever says so, and asked for again when that is over', async () => {
    for (const banned of [{ kind: 'look', refusal: BANNED, node } as const, { kind: 'failed', fault: BANNED } as const]) {
      workload = new Workload(seededRandom(1));
      workload.handle({ kind: 'tick' }, 0);
      workload.handle({ kind: 'issued', identity: await web(0) }, 0);
      workload.handle({ kind: 'tick' }, 0.56 * HOUR);
      if (banned.kind === 'look') workload.handle({ kind: 'failed', fault: AWAY }, 0.56 * HOUR);
      expect(kinds(workload.handle(banned, 0.56 * HOUR))[0]).to.equal('end');
      expect(faultIn(0.56 * HOUR)).to.equal(BANNED);
      expect(kinds(workload.handle({ kind: 'look', refusal: undefined, node }, 0.57 * HOUR))).to.deep.equal(['issue']);
    }
  });

  it('is issued anew after an eviction, late enough to be told from the old one', async () => {
    workload.handle({ kind: 'tick' }, 0);
    workload.handle({ kind: 'issued', identity: await web(0) }, 0);
    const effects = workload.handle({ kind: 'look', refusal: BANNED, node }, 5 * MINUTE);
    expect(delayIn(effects)).to.be.greaterThan(1_000);
    expect(kinds(workload.handle({ kind: 'tick' }, 5 * MINUTE + 1_100))).to.deep.equal(['issue']);
    const identity = await web(5 * MINUTE + 1_100);
    expect(kinds(workload.handle({ kind: 'issued', identity }, 5 * MINUTE + 1_100))).to.include('push');
    expect(workload.handle({ kind: 'look', refusal: undefined, node }, 5 * MINUTE + 1_100)).to.deep.equal([]);
  });

  it('is told on when others are to be believed, and renewed when the node’s is of another authority', async () => {
    workload.handle({ kind: 'tick' }, 0);
    workload.handle({ kind: 'issued', identity: await web(0) }, 0);
    expect(workload.handle({ kind: 'look', refusal: undefined, node }, MINUTE)).to.deep.equal([]);
    const bundle = { trustDomain: 'omega.test', authorities: [...bundleOf(authority).authorities, ...bundleOf(next).authorities] };
    const effects = workload.handle({ kind: 'look', refusal: undefined, node: { svid: node.svid, bundle } }, MINUTE);
    expect(kinds(effects)).to.deep.equal(['push']);
    expect(workload.identity?.bundle.authorities.length).to.equal(2);
    const { svid } = await issueOwn(next, { kind: 'node', name: 'n1', nowMs: MINUTE });
    expect(kinds(workload.handle({ kind: 'look', refusal: undefined, node: { svid, bundle } }, 2 * MINUTE))).to.include('issue');
    workload.handle({ kind: 'issued', identity: await web(2 * MINUTE, next) }, 2 * MINUTE);
    expect(kinds(workload.handle({ kind: 'look', refusal: undefined, node: { svid, bundle } }, 3 * MINUTE))).to.deep.equal(['push']);
    expect(workload.handle({ kind: 'look', refusal: undefined, node: { svid, bundle } }, 3 * MINUTE)).to.deep.equal([]);
  });
});
