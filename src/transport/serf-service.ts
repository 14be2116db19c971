/** Words between the programs of a mesh: proto to handler and back. */
import { streaming, unary } from './admin-service.ts';
import type { Answering, Streaming } from './admin-service.ts';
import type { SerfServiceDefinition } from './generated/omega/mesh/v1/SerfService.ts';
import { protos } from './proto.ts';
import { asBytes } from './session-service.ts';
import type { MeshService } from './session-service.ts';

type Rpc = SerfServiceDefinition;

/** One function per RPC, as in AdminHandler. */
export interface SerfHandler {
  readonly sendUserEvent: Answering<Rpc['SendUserEvent']>;
  readonly followUserEvents: Streaming<Rpc['FollowUserEvents']>;
  readonly runQuery: Streaming<Rpc['RunQuery']>;
  readonly answerQuery: Answering<Rpc['AnswerQuery']>;
  readonly getRtt: Answering<Rpc['GetRtt']>;
  readonly changeTags: Answering<Rpc['ChangeTags']>;
  readonly forceLeave: Answering<Rpc['ForceLeave']>;
  readonly manageKeys: Answering<Rpc['ManageKeys']>;
  readonly rotateKey: Answering<Rpc['RotateKey']>;
}

/** @param onBug hears of everything thrown that is no MeshError */
export function serfService(handler: SerfHandler, onBug: (error: unknown) => void): MeshService {
  const { service } = protos.SerfService;
  const { FollowUserEvents, RunQuery } = service;
  return {
    definition: { ...service, FollowUserEvents: { ...FollowUserEvents, responseSerialize: asBytes }, RunQuery: { ...RunQuery, responseSerialize: asBytes } },
    implementation: {
      SendUserEvent: unary(handler.sendUserEvent, onBug),
      FollowUserEvents: streaming(FollowUserEvents, handler.followUserEvents, onBug),
      RunQuery: streaming(RunQuery, handler.runQuery, onBug),
      AnswerQuery: unary(handler.answerQuery, onBug),
      GetRtt: unary(handler.getRtt, onBug),
      ChangeTags: unary(handler.changeTags, onBug),
      ForceLeave: unary(handler.forceLeave, onBug),
      ManageKeys: unary(handler.manageKeys, onBug),
      RotateKey: unary(handler.rotateKey, onBug),
    },
  };
}
