/** The public door: first for those who run a node, then for those who write actors. Each name here is a promise. */

// Run a node inside a program of your own.
export { startNode } from './node.ts';
export type { NodeOptions, RunningNode } from './node.ts';
export type { NodeEnd } from './node-process.ts';
export { readConfig } from './config/config.ts';
export type { Config } from './config/config.ts';
export { createLog } from './log.ts';
export type { Logger, NodeLog } from './log.ts';
export { MeshError } from './errors.ts';
export type { ErrorCode } from './errors.ts';

// Supervise actors of your own.
export { ActorSystem, StartError } from './supervision/system.ts';
export type { ActorSystemOptions } from './supervision/system.ts';
export type { ActorView } from './supervision/actor-view.ts';
export type { ActorInfo } from './supervision/actor-info.ts';
export type { DeadLetter, Withheld } from './supervision/trail/dead-letters.ts';
export type { TraceEntry, TraceOptions } from './supervision/trace.ts';
export type { MailboxSpec, Overflow } from './supervision/mailbox.ts';
export type { ForeseenDecision, ForeseenStep, Foresight } from './supervision/supervisor/what-if.ts';
export { AskError, IGNORE } from './supervision/behavior.ts';
export type { ActorContext, ActorRef, Behavior, ExitReason, Reply, SendOutcome, Signal } from './supervision/behavior.ts';
export { BadSpecError } from './supervision/spec-fault.ts';
export type { SpecFault, SpecFaultCode } from './supervision/spec-fault.ts';
export type { AutoShutdown, ChildSpec, Restart, Shutdown, Strategy, SupervisorRules, SupervisorSpec, ThreadedWorkerSpec, WorkerSpec } from './supervision/child-spec.ts';
export { moved } from './supervision/thread/crossing.ts';
export type { BadSpec, ChangeSpecOutcome, ChildrenCount, RestartOneOutcome, StartChildOutcome, SupervisorMessage } from './supervision/supervisor-messages.ts';
export type { EventType, SupervisionEvent } from './supervision/trail/event-log.ts';
export { systemClock, VirtualClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { seededRandom, systemRandom } from './random.ts';
export type { Random } from './random.ts';
