import { expect } from 'chai';
import { joinMs, leaveMs } from '../../bench/memberlist/judge.ts';
import { Network } from '../../bench/memberlist/network.ts';
import { Side } from '../../bench/memberlist/side.ts';

const OUR_SIDE = new URL('../../bench/memberlist/our-side.ts', import.meta.url).pathname;
const NODES = 50;
const LEAVING = ['n2', 'n25', 'n50'];

describe('a goodbye among fifty nodes, on real sockets', function () {
  this.timeout(90_000);
  let side: Side;
  before(() => {
    const program = { name: 'ours', command: [process.execPath, '--import', 'tsx/esm', OUR_SIDE, '--network', '127.0.38', '--application', 'serf'] };
    side = new Side(program, new Network(undefined), NODES, 'lan');
  });
  after(() => side.end());

  it('is known everywhere within a second, one after the other', async () => {
    side.begin();
    expect(await side.until((happened) => happened.find(({ what }) => what === 'ready'), 30_000)).to.be.an('object');
    side.order('join');
    expect(await side.until((happened) => joinMs(happened, NODES), 30_000), 'all know all').to.be.a('number');
    for (const [before, name] of LEAVING.entries()) {
      side.order('leave', name);
      expect(await side.until((happened) => leaveMs(happened, NODES - 1 - before), 10_000), name).to.be.below(1_000);
    }
  });
});
