/** What every gRPC server is expected to have: health, for who watches it, and reflection, for who explores it. */
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { definition } from './proto.ts';
import type { MeshService } from './session-service.ts';

/** A service is healthy as long as its server takes calls: what is wrong inside is told of by supervision. */
export function conventions(services: readonly MeshService[]): readonly MeshService[] {
  const names = services.flatMap((service) => serviceName(service.definition));
  const added: MeshService[] = [];
  const server = {
    addService: (service: ServiceDefinition, implementation: UntypedServiceImplementation) => void added.push({ definition: service, implementation }),
  };
  new HealthImplementation(Object.fromEntries(['', ...names].map((name) => [name, 'SERVING' as const]))).addToServer(server);
  new ReflectionService(definition, { services: names }).addToServer(server);
  return added;
}

function serviceName(definition: ServiceDefinition): readonly string[] {
  const [method] = Object.values(definition);
  return method === undefined ? [] : [method.path.slice(1, method.path.lastIndexOf('/'))];
}
