import { expect } from 'chai';
import { falseAlarms, joinMs, killFigures, leaveMs } from '../../bench/memberlist/judge.ts';
import type { Happened } from '../../bench/memberlist/side.ts';

/** `12 n1 gone n2`: at 12 ms n1 took n2 for gone. */
function story(...lines: string[]): Happened[] {
  return lines.map((line) => {
    const [ms, at, what, about = ''] = line.split(' ');
    return { ms: Number(ms), at: at === '-' ? '' : at!, what: what as Happened['what'], about };
  });
}

describe('the judge of the bench beside memberlist', () => {
  it('takes a mesh for joined when each knows all others, whatever it knows of itself and however often it hears it', () => {
    const happened = story('1 n1 alive n1', '5 - join', '6 n1 alive n2', '7 n2 alive n1', '8 n2 alive n1', '9 n2 alive n3', '10 n3 alive n1', '11 n3 alive n2');
    expect(joinMs(happened, 3)).to.equal(undefined);
    expect(joinMs([...happened, ...story('12 n1 alive n3')], 3)).to.equal(7);
  });

  it('takes a goodbye for known when the last of the others has heard it', () => {
    const happened = story('5 - leave n3', '5 n3 gone n3', '8 n1 gone n3', '9 n1 gone n4');
    expect(leaveMs(happened, 2)).to.equal(undefined);
    expect(leaveMs([...happened, ...story('12 n2 gone n3')], 2)).to.equal(7);
  });

  it('tells the first suspicion of a killed node, its first burial and the last', () => {
    const happened = story('5 - kill n3', '6 n1 accused n2', '7 n1 accused n3', '9 n2 accused n3', '20 n2 condemned n3', '20 n2 gone n3');
    expect(killFigures(happened, 2)).to.equal(undefined);
    expect(killFigures([...happened, ...story('25 n1 gone n3')], 2)).to.deep.equal({ suspectedMs: 2, deadMs: 15, allKnowMs: 20 });
  });

  it('counts a false death once, however many believe it, and again when the member was back for all of them', () => {
    const happened = story('1 n1 accused n3', '2 n1 gone n3', '3 n2 gone n3', '4 n1 alive n3', '5 n1 gone n3', '6 n1 alive n3', '7 n2 alive n3', '8 n2 gone n3');
    expect(falseAlarms(happened)).to.deep.equal({ suspicions: 1, deaths: 2, burials: 4 });
  });
});
