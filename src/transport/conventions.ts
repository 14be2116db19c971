/** What every gRPC server is expected to have: health, for who watches it, and reflection, for who explores it. */
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { handleBidiStreamingCall, Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { definition } from './proto.ts';
import type { MeshService } from './session-service.ts';

/** A service is healthy as long as its server takes calls: what is wrong inside is told of by supervision. */
export function conventions(services: readonly MeshService[]): readonly MeshService[] {
  const names = services.flatMap((service) => serviceName(service.definition));
  const health = new HealthImplementation(Object.fromEntries(['', ...names].map((name) => [name, 'SERVING' as const])));
  return [...servicesOf(health), ...REFLECTIONS.map((version) => reflection(version, () => new ReflectionService(definition, { services: names })))];
}

const REFLECTIONS = ['v1', 'v1alpha'] as const;
const INFO = 'ServerReflectionInfo';

/** Made when somebody explores: it describes every message there is, which takes 100 ms and 10 MiB. */
function reflection(version: (typeof REFLECTIONS)[number], make: () => ReflectionService): MeshService {
  const path = `/grpc.reflection.${version}.ServerReflection/${INFO}`;
  let made: MeshService | undefined;
  const real = (): MeshService => (made ??= servicesOf(make()).find((service) => service.definition[INFO]?.path === path)!);
  return {
    definition: {
      [INFO]: {
        path,
        originalName: INFO,
        requestStream: true,
        responseStream: true,
        requestSerialize: (value: unknown) => real().definition[INFO]!.requestSerialize(value),
        requestDeserialize: (bytes) => real().definition[INFO]!.requestDeserialize(bytes) as unknown,
        responseSerialize: (value: unknown) => real().definition[INFO]!.responseSerialize(value),
        responseDeserialize: (bytes) => real().definition[INFO]!.responseDeserialize(bytes) as unknown,
      },
    },
    implementation: { [INFO]: (call: ServerDuplexStream<unknown, unknown>) => (real().implementation[INFO] as handleBidiStreamingCall<unknown, unknown>)(call) },
  };
}

function servicesOf(convention: { addToServer(server: Pick<Server, 'addService'>): void }): readonly MeshService[] {
  const added: MeshService[] = [];
  convention.addToServer({
    addService: (service: ServiceDefinition, implementation: UntypedServiceImplementation) => void added.push({ definition: service, implementation }),
  });
  return added;
}

function serviceName(definition: ServiceDefinition): readonly string[] {
  const [method] = Object.values(definition);
  return method === undefined ? [] : [method.path.slice(1, method.path.lastIndexOf('/'))];
}
