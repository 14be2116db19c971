/**
 * Streams that agents opened, from their first frame until the agent's session has them. Pure.
 *
 * A stream stays in here until its session says that it has taken it: should the session end in between, the stream goes
 * to the next one, and what nobody has taken by the deadline is closed. None is left open with nobody listening.
 */
import { MeshError } from '../../errors.ts';
import type { AgentFrame__Output } from '../../transport/generated/omega/mesh/v1/AgentFrame.ts';
import { readAgentHello } from './agent-hello.ts';

export type ArrivalEffect =
  /** A session child for this agent must be there; what came of it must be told. */
  | { readonly kind: 'ensure-session'; readonly agent: string }
  | { readonly kind: 'hand-over'; readonly arrival: number; readonly agent: string; readonly program: string }
  | { readonly kind: 'close-arrival'; readonly arrival: number; readonly fault: MeshError };

/** For the hello and for the session to start. */
const ARRIVAL_TIMEOUT_MS = 5_000;
/** When a neighbour dies its agents come all at once; each is here for some milliseconds. More are refused and come again. */
const ARRIVALS_MAX = 1_024;

interface Arrival {
  readonly sinceMs: number;
  /** The id in its certificate. */
  readonly proved: string;
  step: 'greeting' | 'waiting' | 'handed';
  agent: string;
  program: string;
}

export class Arrivals {
  readonly #arrivals = new Map<number, Arrival>();
  /** The newest stream of each agent that has said hello. */
  readonly #byAgent = new Map<string, number>();
  /** `reachable`: its ref is known. Absent: not started, or not known to this life of the directory. */
  readonly #sessions = new Map<string, 'starting' | 'reachable'>();

  get size(): number {
    return this.#arrivals.size;
  }

  isReachable(agent: string): boolean {
    return this.#sessions.get(agent) === 'reachable';
  }

  arrived(number: number, proved: string, now: number): readonly ArrivalEffect[] {
    this.#arrivals.set(number, { sinceMs: now, proved, step: 'greeting', agent: '', program: '' });
    if (this.#arrivals.size <= ARRIVALS_MAX) return [];
    return this.#close(number, new MeshError('OVERLOADED', `${ARRIVALS_MAX} agents are being let in already`, { todo: 'try again later' }));
  }

  greeted(number: number, frame: AgentFrame__Output): readonly ArrivalEffect[] {
    const arrival = this.#arrivals.get(number);
    if (arrival?.step !== 'greeting') return [];
    const hello = readAgentHello(frame);
    if (hello instanceof MeshError) return this.#close(number, hello);
    if (hello.id !== arrival.proved) return this.#close(number, impostor(hello.id, arrival.proved));
    const older = this.#byAgent.get(hello.id);
    const effects: ArrivalEffect[] = [];
    // One that has been handed over is the session's to replace.
    if (older !== undefined && this.#arrivals.get(older)?.step === 'waiting') {
      effects.push(...this.#close(older, new MeshError('SESSION_CLOSED', 'a newer connection of the same agent took the place of this one')));
    }
    Object.assign(arrival, { step: 'waiting', agent: hello.id, program: hello.program } satisfies Partial<Arrival>);
    this.#byAgent.set(hello.id, number);
    return [...effects, ...this.#advance(hello.id)];
  }

  /** The stream has been taken by its session, or has closed. */
  gone(number: number): void {
    const arrival = this.#arrivals.get(number);
    if (arrival === undefined) return;
    this.#arrivals.delete(number);
    if (this.#byAgent.get(arrival.agent) === number) this.#byAgent.delete(arrival.agent);
  }

  /** The ref of the agent's session is known now. */
  reachable(agent: string): readonly ArrivalEffect[] {
    this.#sessions.set(agent, 'reachable');
    return this.#advance(agent);
  }

  /** The supervisor did not start a session, for this reason. */
  refused(agent: string, reason: string): readonly ArrivalEffect[] {
    this.#sessions.delete(agent);
    const number = this.#byAgent.get(agent);
    if (number === undefined) return [];
    return this.#close(number, new MeshError('OVERLOADED', `this node could not start a session for ${agent}: ${reason}`, { todo: 'connect to another node' }));
  }

  sessionEnded(agent: string): readonly ArrivalEffect[] {
    this.#sessions.delete(agent);
    const arrival = this.#arrivals.get(this.#byAgent.get(agent) ?? -1);
    if (arrival === undefined) return [];
    arrival.step = 'waiting';
    return this.#advance(agent);
  }

  expire(now: number): readonly ArrivalEffect[] {
    const effects: ArrivalEffect[] = [];
    for (const [number, { sinceMs, step, agent }] of this.#arrivals) {
      if (now - sinceMs < ARRIVAL_TIMEOUT_MS) continue;
      // The next stream of this agent asks afresh.
      if (this.#sessions.get(agent) === 'starting') this.#sessions.delete(agent);
      const fault =
        step === 'greeting'
          ? new MeshError('MALFORMED', `no hello in ${ARRIVAL_TIMEOUT_MS} ms`, { expected: 'a hello as first frame' })
          : new MeshError('OVERLOADED', `the session of ${agent} did not start in ${ARRIVAL_TIMEOUT_MS} ms`, { todo: 'try again later' });
      effects.push(...this.#close(number, fault));
    }
    return effects;
  }

  #advance(agent: string): readonly ArrivalEffect[] {
    const number = this.#byAgent.get(agent);
    const arrival = this.#arrivals.get(number ?? -1);
    if (number === undefined || arrival?.step !== 'waiting') return [];
    if (this.isReachable(agent)) {
      arrival.step = 'handed';
      return [{ kind: 'hand-over', arrival: number, agent, program: arrival.program }];
    }
    if (this.#sessions.has(agent)) return [];
    this.#sessions.set(agent, 'starting');
    return [{ kind: 'ensure-session', agent }];
  }

  #close(number: number, fault: MeshError): readonly ArrivalEffect[] {
    this.gone(number);
    return [{ kind: 'close-arrival', arrival: number, fault }];
  }
}

function impostor(id: string, proved: string): MeshError {
  return new MeshError('WRONG_IDENTITY', `the certificate of agent ${proved} does not make it agent ${id}`, { given: id, expected: proved, todo: 'start it under the id in its certificate' });
}
