import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import type { Address } from '../../src/address.ts';
import { runAgent } from '../../src/agent/agent.ts';
import { systemClock } from '../../src/clock.ts';
import { MeshError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { systemRandom } from '../../src/random.ts';
import { agentService } from '../../src/transport/agent-service.ts';
import type { FrameStream } from '../../src/transport/frame-stream.ts';
import type { AgentFrame__Output } from '../../src/transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { NodeFrame } from '../../src/transport/generated/omega/mesh/v1/NodeFrame.ts';
import { createMeshServer } from '../../src/transport/grpc-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { decodeTelemetryRecord } from '../../src/transport/telemetry-codec.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import { trustDomain } from '../support/trust-domain.ts';
import { soon } from '../transport/session-ends.ts';

/** As much of a node as an agent needs: it welcomes, counts and may be killed. */
class SmallNode {
  readonly frames: AgentFrame__Output[] = [];
  stream: FrameStream<NodeFrame, AgentFrame__Output> | undefined;
  #server: MeshServer | undefined;
  #heard: () => void = () => undefined;
  readonly #onHello: (node: SmallNode) => void;

  constructor(onHello: (node: SmallNode) => void) {
    this.#onHello = onHello;
  }

  async listen(): Promise<Address> {
    const service = agentService((stream) => {
      this.stream = stream;
      stream.onFrame((frame) => {
        this.frames.push(frame);
        if (frame.hello) this.#onHello(this);
        this.#heard();
      });
    });
    this.#server = await createMeshServer({ host: '127.0.0.1', port: 0 }, [service], await (await trustDomain()).tls('node', 'small'));
    return parseAddress(this.#server.address, 0);
  }

  /** Until the frames so far are as wanted. */
  until(isEnough: (frames: readonly AgentFrame__Output[]) => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!isEnough(this.frames)) {
        await new Promise<void>((resolve) => {
          this.#heard = resolve;
        });
      }
    };
    return soon(wait(), what);
  }

  get sequences(): readonly number[] {
    return this.frames.flatMap(({ telemetry }) => telemetry?.records.map((_, i) => telemetry.firstSequence + i) ?? []);
  }

  async kill(): Promise<void> {
    await this.#server?.close(0);
  }
}

const welcoming = (alternatives: string[] = []) => (node: SmallNode): void => {
  node.stream?.send({ welcome: { node: 'small', credit: 10_000, alternatives } });
};

describe('the reference agent', () => {
  const nodes: SmallNode[] = [];
  let stop: AbortController;
  let running: Promise<void> | undefined;
  let tls: MeshTls;

  before(async () => {
    tls = await (await trustDomain()).tls('agent', 'a1');
  });

  beforeEach(() => {
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await running?.catch(() => undefined);
    running = undefined;
    await Promise.all(nodes.splice(0).map((node) => node.kill()));
  });

  const node = (onHello: (node: SmallNode) => void): SmallNode => {
    const made = new SmallNode(onHello);
    nodes.push(made);
    return made;
  };
  const start = (addresses: readonly Address[]): Promise<void> => {
    const options = { id: 'a1', intervalMs: 50, labels: { rack: 'r1' }, version: '9.9.9', tls, log: silentLog, clock: systemClock, random: systemRandom };
    running = runAgent({ ...options, nodes: addresses, signal: stop.signal });
    return running;
  };

  it('introduces itself, sends real figures, answers commands, and ends when told to', async () => {
    const near = node(welcoming());
    const ended = start([await near.listen()]);
    await near.until((frames) => frames.filter((frame) => frame.telemetry).length >= 2, 'two records');
    expect(near.frames[0]?.hello).to.deep.equal({ id: 'a1', program: 'mesh-agent/9.9.9', labels: { rack: 'r1' } });
    const record = decodeTelemetryRecord(near.frames.find((frame) => frame.telemetry)!.telemetry!.records[0]!);
    expect(Math.abs(Date.now() - record.atMs)).to.be.below(60_000);
    expect(record.samples.map(({ name }) => name)).to.include('memory.used_bytes');

    near.stream?.send({ command: { id: 'c1', name: 'echo', arguments: ['hello', 'mesh'], timeoutMs: 1_000 } });
    await near.until((frames) => frames.some((frame) => frame.result), 'an answer');
    expect(near.frames.find((frame) => frame.result)?.result).to.deep.equal({ id: 'c1', ok: true, output: 'hello mesh' });

    stop.abort();
    await soon(ended, 'the end of the agent');
  });

  it('moves to another node when its own dies, and goes on numbering', async () => {
    const second = node(welcoming());
    const secondAddress = await second.listen();
    const first = node(welcoming([`127.0.0.1:${secondAddress.port}`]));
    const ended = start([await first.listen()]);
    await first.until(() => first.sequences.length >= 3, 'three records');
    await first.kill();
    await second.until(() => second.sequences.length >= 3, 'three more');
    const all = [...first.sequences, ...second.sequences];
    expect(all, 'each number once, in order').to.deep.equal([...new Set(all)].sort((a, b) => a - b));
    expect(second.sequences[0]! - first.sequences.at(-1)!, 'lost on the way').to.be.at.most(3);
    stop.abort();
    await soon(ended, 'the end of the agent');
  });

  it('moves on when its node drains', async () => {
    const second = node(welcoming());
    const addresses = [await node(({ stream }) => {
      stream?.send({ welcome: { node: 'first', credit: 10, alternatives: [] } });
      stream?.send({ drain: { reason: 'the node stops' } });
      stream?.close();
    }).listen(), await second.listen()];
    void start(addresses);
    await second.until(() => second.sequences.length >= 1, 'a record');
  });

  it('fails with what the node said when its id is refused', async () => {
    const strict = node(({ stream }) => stream?.close(new MeshError('BAD_ARGUMENT', 'this is not an id an agent can have', { given: 'a1' })));
    const address = await strict.listen();
    const fault: unknown = await soon(start([address]), 'a refusal').catch((error: unknown) => error);
    expect(fault).to.be.instanceOf(MeshError).and.to.include({ code: 'BAD_ARGUMENT', given: 'a1' });
  });

  it('that was told to stop before it began ends', async () => {
    stop.abort();
    await soon(start([{ host: '127.0.0.1', port: 1 }]), 'the end of the agent');
  });

  it('without a node to connect to does not begin', () => {
    expect(() => start([])).to.throw(MeshError).with.property('code', 'BAD_ARGUMENT');
  });
});
