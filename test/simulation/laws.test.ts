import { expect } from 'chai';
import { judge, type Verdict } from './laws.ts';
import { MeshSimulation, hashOf, type Belief, type History } from './mesh-simulation.ts';
import { storm } from './storm.ts';
import { VSN } from '../../src/actors/membership/version-vector.ts';
import { ipBytes } from '../../src/actors/membership/wire/ip-address.ts';
import type { Message } from '../../src/actors/membership/wire/messages.ts';
import { encodeTags } from '../../src/actors/membership/wire/tags.ts';
import { PROFILES } from '../../src/actors/membership/profile.ts';

const LAWS = ['completeness', 'accuracy', 'refutation', 'convergence', 'leave', 'restart'];

/**
 * Three minutes hold two rounds of everything in small meshes, one in larger ones. As many as half a minute allows;
 * `npm run simulate -- --seeds 200 --nodes 50` runs them by the hundred.
 */
const STORMS = [
  { nodes: 3, seeds: 20, seconds: 180 },
  { nodes: 5, seeds: 15, seconds: 180 },
  { nodes: 10, seeds: 8, seconds: 180 },
  { nodes: 20, seeds: 3, seconds: 180 },
  { nodes: 50, seeds: 1, seconds: 180 },
];

/** Fails with every violation, each of which names its seed. */
function expectNoViolations(verdicts: readonly Verdict[]): void {
  expect(verdicts.flatMap(({ law, violations }) => violations.map((violation) => `${law}: ${violation}`))).to.deep.equal([]);
}

describe('the laws of membership', () => {
  for (const { nodes, seeds, seconds } of STORMS) {
    describe(`in ${seeds} storms over ${nodes} nodes`, () => {
      const verdicts = new Map<string, Verdict[]>(LAWS.map((law) => [law, []]));

      before(function () {
        this.timeout(180_000);
        for (let seed = 1; seed <= seeds; seed++) {
          const simulation = storm({ seed, nodes, forMs: seconds * 1_000 });
          for (const verdict of judge(simulation.history())) verdicts.get(verdict.law)!.push(verdict);
        }
      });

      for (const law of LAWS) {
        it(`${law} holds`, () => {
          expectNoViolations(verdicts.get(law)!);
          expect(verdicts.get(law)!.reduce((sum, { judged }) => sum + judged, 0), 'obligations judged').to.be.at.least(1);
        });
      }
    });
  }

  it('hold when datagrams get through only half the time: streams save the living', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const simulation = new MeshSimulation({ seed, nodes: 8, weather: { loss: 0.5 } });
      simulation.startAll();
      simulation.run(120_000);
      expectNoViolations(judge(simulation.history()).filter(({ law }) => law === 'accuracy'));
    }
  });
});

describe('the laws of membership among nodes that sign what they say of themselves', () => {
  for (const { nodes, seeds } of [{ nodes: 4, seeds: 8 }, { nodes: 12, seeds: 3 }]) {
    it(`hold in ${seeds} storms over ${nodes}, in which each life has another key, and all are verified in the end`, function () {
      this.timeout(120_000);
      for (let seed = 1; seed <= seeds; seed++) {
        const simulation = storm({ seed, nodes, forMs: 180_000, areSigning: true });
        expectNoViolations(judge(simulation.history()));
        for (const name of simulation.running) for (const member of simulation.membersOf(name)) if (member.status === 'alive') expect(member, `seed ${seed}, ${member.name} at ${name}`).to.include({ verified: 'yes' }).and.not.to.have.property('quarantine');
      }
    });
  }
});

describe('a mesh', () => {
  for (const seed of [1, 2, 3]) {
    it(`of fifty that start at once is whole within five seconds (seed ${seed})`, () => {
      const simulation = new MeshSimulation({ seed, nodes: 50 });
      simulation.startAll();
      simulation.run(5_000);
      for (const name of simulation.names) expect(simulation.membersOf(name).filter(({ status }) => status === 'alive'), name).to.have.length(50);
    });

    it(`cut in two until each half has forgotten the other becomes one again (seed ${seed})`, () => {
      const simulation = new MeshSimulation({ seed, nodes: 10 });
      simulation.startAll();
      simulation.run(10_000);
      simulation.partition(simulation.names.slice(0, 5));
      simulation.run(90_000);
      for (const name of simulation.names) expect(simulation.membersOf(name), name).to.have.length(5);
      simulation.heal();
      simulation.run(30_000);
      for (const name of simulation.names) expect(simulation.membersOf(name).filter(({ status }) => status === 'alive'), name).to.have.length(10);
      expectNoViolations(judge(simulation.history()));
    });

    for (const [disk, lose] of [['kept', false], ['lost', true]] as const) {
      it(`has a node back within five seconds that restarts at another address, its disk ${disk} (seed ${seed})`, () => {
        const simulation = new MeshSimulation({ seed, nodes: 20, weather: { loss: 0.02 } });
        simulation.startAll();
        simulation.run(10_000);
        simulation.crash('n5');
        simulation.move('n5');
        if (lose) simulation.loseDisk('n5');
        simulation.start('n5');
        simulation.run(5_000);
        for (const name of simulation.names) {
          expect(simulation.membersOf(name).find((member) => member.name === 'n5'), name).to.include({ status: 'alive', host: '127.1.0.5' });
        }
      });
    }

    it(`refuses a second node of a name while the first one lives, however high the second one counts (seed ${seed})`, () => {
      const simulation = new MeshSimulation({ seed, nodes: 8, weather: { loss: 0.05 } });
      simulation.startAll();
      simulation.run(10_000);
      const claim: Message = { type: 'alive', incarnation: 1_000, node: 'n5', addr: ipBytes('10.9.0.5'), port: 7946, meta: encodeTags({}), vsn: VSN };
      for (let second = 0; second < 20; second++) {
        for (const name of simulation.names) simulation.hear(name, claim);
        simulation.run(1_000);
        for (const name of simulation.names) expect(simulation.membersOf(name).find((member) => member.name === 'n5'), name).to.include({ host: '127.0.0.5' });
      }
    });

    it(`never hears a lower incarnation of a node than before, whatever ended its lives (seed ${seed})`, () => {
      const history = storm({ seed, nodes: 5, forMs: 120_000, weather: { loss: 0.02 } }).history();
      const highest = new Map<string, number>();
      const starts = history.beliefs.filter(({ observer, event }) => event.type === 'alive' && event.member === observer);
      expect(starts.length).to.be.greaterThan(5);
      for (const { observer, event } of history.beliefs) {
        if (event.member !== observer) continue;
        expect(event.incarnation, observer).to.be.at.least(highest.get(observer) ?? 0);
        highest.set(observer, event.incarnation);
      }
    });

    it(`has a node back within five seconds that restarts where it was with no memory of how often it refuted (seed ${seed})`, () => {
      const simulation = new MeshSimulation({ seed, nodes: 20, weather: { loss: 0.02 } });
      simulation.startAll();
      simulation.run(10_000);
      for (let time = 0; time < 20; time++) {
        simulation.accuseFalsely('n5', 'n1', 'n2');
        simulation.run(500);
      }
      simulation.crash('n5');
      simulation.run(20_000);
      simulation.loseDisk('n5');
      simulation.start('n5');
      simulation.run(5_000);
      for (const name of simulation.names) {
        expect(simulation.membersOf(name).find((member) => member.name === 'n5'), name).to.include({ status: 'alive', host: '127.0.0.5' });
      }
    });
  }
});

describe('a mesh in the long run', () => {
  it('that was cut in two for a day, with restarts on both sides, becomes one again', function () {
    this.timeout(60_000);
    const simulation = new MeshSimulation({ seed: 1, nodes: 4, profile: 'wan' });
    simulation.startAll();
    simulation.run(20_000);
    simulation.partition(['n0', 'n1']);
    simulation.run(12 * 3_600_000);
    for (const name of ['n1', 'n3']) {
      simulation.crash(name);
      simulation.start(name);
    }
    simulation.run(13 * 3_600_000);
    for (const name of simulation.names) expect(simulation.membersOf(name), name).to.have.length(2);
    simulation.heal();
    simulation.run(120_000);
    for (const name of simulation.names) expect(simulation.membersOf(name).filter(({ status }) => status === 'alive'), name).to.have.length(4);
  });

  it('finds out between whom datagrams are lost, buries nobody, and knows everything everywhere', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const simulation = new MeshSimulation({ seed, nodes: 10, weather: { loss: 0.02 } });
      simulation.startAll();
      simulation.run(10_000);
      // From everybody, as by a firewall that lets nothing but TCP in and out.
      for (const name of simulation.names) if (name !== 'n3') simulation.dropPackets('n3', name);
      simulation.run(60_000);
      for (const name of simulation.names) {
        const lost = simulation.membersOf(name).filter(({ isUdpLost }) => isUdpLost).map((member) => member.name);
        expect(lost, `seed ${seed}: ${name}`).to.have.members(name === 'n3' ? simulation.names.filter((other) => other !== 'n3') : ['n3']);
      }
      simulation.crash('n8');
      simulation.leave('n9');
      simulation.run(30_000);
      const known = simulation.membersOf('n3');
      for (const name of ['n8', 'n9']) expect(known.find((member) => member.name === name)?.status, `seed ${seed}: ${name}`).not.to.be.oneOf(['alive', 'suspect']);
      const { beliefs } = simulation.history();
      expect(beliefs.filter(({ event }) => event.type === 'dead' && event.member !== 'n8'), `seed ${seed}`).to.deep.equal([]);
      simulation.heal();
      simulation.run(60_000);
      for (const name of simulation.running) expect(simulation.membersOf(name).some(({ isUdpLost }) => isUdpLost), `seed ${seed}: ${name}`).to.equal(false);
    }
  });

  it('of fifty knows everywhere within a second who leaves, in ten storms of a little loss', function () {
    this.timeout(60_000);
    for (let seed = 1; seed <= 10; seed++) {
      const simulation = new MeshSimulation({ seed, nodes: 50, weather: { loss: 0.02 } });
      simulation.startAll();
      simulation.run(8_000);
      for (const leaver of ['n7', 'n23']) {
        simulation.leave(leaver);
        simulation.run(1_000);
        for (const name of simulation.running.filter((other) => other !== leaver)) {
          expect(simulation.membersOf(name).find((member) => member.name === leaver), `seed ${seed}: ${name}`).to.include({ status: 'left' });
        }
      }
    }
  });
});

describe('a simulation', () => {
  it('of one seed has the same history every time, of another seed another', () => {
    const hash = (seed: number): string => hashOf(storm({ seed, nodes: 10, forMs: 60_000, weather: { loss: 0.05 } }).history());
    expect(hash(7)).to.equal(hash(7));
    expect(hash(7)).to.not.equal(hash(8));
  });
});

describe('a judge of histories', () => {
  const history = (changes: Partial<History>): History => ({ seed: 42, nodes: 3, profile: PROFILES.lan, endMs: 200_000, facts: startedAll, beliefs: knownAll, ...changes });
  const names = ['n0', 'n1', 'n2'];
  const startedAll: History['facts'] = names.map((node) => ({ atMs: 0, type: 'started', node }));
  const believes = (atMs: number, observer: string, type: 'alive' | 'suspect' | 'dead' | 'left' | 'refuted', member: string): Belief => {
    const event = { type, member, incarnation: 1, accuser: 'n0', reason: 'told', address: { host: '10.0.0.1', port: 1 } } as Belief['event'];
    return { atMs, observer, event };
  };
  const knownAll = names.flatMap((observer) => names.map((member) => believes(100, observer, 'alive', member)));
  const broken = (changes: Partial<History>): string[] => judge(history(changes)).flatMap(({ law, violations }) => violations.map((violation) => `${law}: ${violation}`));

  it('finds nothing where nothing is', () => {
    expect(broken({})).to.deep.equal([]);
  });

  it('finds a death that somebody did not hear of, and names the seed', () => {
    const complaints = broken({ facts: [...startedAll, { atMs: 10_000, type: 'crashed', node: 'n2' }], beliefs: [...knownAll, believes(15_000, 'n0', 'dead', 'n2')] });
    expect(complaints).to.have.length(1);
    expect(complaints[0]).to.match(/^completeness: seed 42, 3 nodes, .* n1 holds n2 alive/);
  });

  it('finds a living node that is called dead', () => {
    expect(broken({ beliefs: [...knownAll, believes(90_000, 'n0', 'dead', 'n2')] })[0]).to.match(/^accuracy: .* n0 declares n2 dead/);
  });

  it('finds a suspicion that nobody clears', () => {
    expect(broken({ beliefs: [...knownAll, believes(90_000, 'n0', 'suspect', 'n2')] })[0]).to.match(/^refutation: .* n0 still suspects n2/);
  });

  it('finds a node that never learns of another', () => {
    expect(broken({ beliefs: knownAll.filter(({ observer, event }) => observer !== 'n0' || event.member !== 'n2') })[0]).to.match(/^convergence: .* n0 holds n2 unknown/);
  });

  it('finds a goodbye that is taken for a death', () => {
    const facts: History['facts'] = [...startedAll, { atMs: 10_000, type: 'leaving', node: 'n2' }, { atMs: 10_500, type: 'left', node: 'n2' }];
    const beliefs = [...knownAll, believes(10_200, 'n0', 'left', 'n2'), believes(18_000, 'n1', 'dead', 'n2')];
    expect(broken({ facts, beliefs })).to.deep.include('leave: seed 42, 3 nodes, 18.000 s: n1 calls n2 dead, which left at 10 s');
  });

  it('finds a goodbye that nobody said', () => {
    const facts: History['facts'] = [...startedAll, { atMs: 90_000, type: 'crashed', node: 'n2' }];
    const beliefs = [...knownAll, believes(95_000, 'n0', 'dead', 'n2'), believes(95_000, 'n1', 'dead', 'n2'), believes(96_000, 'n1', 'left', 'n2')];
    expect(broken({ facts, beliefs })).to.deep.include('leave: seed 42, 3 nodes, 96.000 s: n1 says that n2 left, which did not say goodbye');
  });

  it('finds a restart that somebody does not notice', () => {
    const facts: History['facts'] = [...startedAll, { atMs: 10_000, type: 'crashed', node: 'n2' }, { atMs: 20_000, type: 'started', node: 'n2' }];
    const beliefs = [...knownAll, believes(18_000, 'n0', 'dead', 'n2'), ...names.map((member) => believes(20_100, 'n2', 'alive', member))];
    expect(broken({ facts, beliefs })[0]).to.match(/^(convergence|restart): .* n0 holds n2 dead instead of alive/);
  });
});
