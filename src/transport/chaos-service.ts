/** Faults that operators ask for: proto to handler and back. */
import { streaming, unary } from './admin-service.ts';
import type { Answering, Streaming } from './admin-service.ts';
import type { ChaosServiceDefinition } from './generated/omega/mesh/v1/ChaosService.ts';
import { protos } from './proto.ts';
import { asBytes } from './session-service.ts';
import type { MeshService } from './session-service.ts';

type Rpc = ChaosServiceDefinition;

/** One function per RPC, as in AdminHandler. */
export interface ChaosHandler {
  readonly foresee: Answering<Rpc['Foresee']>;
  readonly inflict: Streaming<Rpc['Inflict']>;
  readonly runStorm: Streaming<Rpc['RunStorm']>;
}

/** @param onBug hears of everything thrown that is no MeshError */
export function chaosService(handler: ChaosHandler, onBug: (error: unknown) => void): MeshService {
  const { service } = protos.ChaosService;
  const { Inflict, RunStorm } = service;
  return {
    definition: { ...service, Inflict: { ...Inflict, responseSerialize: asBytes }, RunStorm: { ...RunStorm, responseSerialize: asBytes } },
    implementation: {
      Foresee: unary(handler.foresee, onBug),
      Inflict: streaming(Inflict, handler.inflict, onBug),
      RunStorm: streaming(RunStorm, handler.runStorm, onBug),
    },
  };
}
