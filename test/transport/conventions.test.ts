import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ClientDuplexStream, ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect } from 'chai';
import { conventions } from '../../src/transport/conventions.ts';
import { protos } from '../../src/transport/proto.ts';

interface Answer {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
}

/** What whoever explores a server asks with, from the library's own contract. */
function reflectionOf(version: string): ServiceClientConstructor {
  const file = fileURLToPath(import.meta.resolve(`@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`));
  const loaded = loadPackageDefinition(loadSync(file, { keepCase: true })) as unknown as { grpc: { reflection: Record<string, { ServerReflection: ServiceClientConstructor }> } };
  return loaded.grpc.reflection[version]!.ServerReflection;
}

describe('a server that is explored', () => {
  const server = new Server();
  let port: number;

  before(async () => {
    const mesh = [{ definition: protos.PeerService.service, implementation: {} }];
    for (const { definition, implementation } of conventions(mesh)) server.addService(definition, implementation);
    port = await new Promise((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  });
  after(() => server.forceShutdown());

  async function ask(version: string, request: object): Promise<Answer> {
    const client = new (reflectionOf(version))(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      const stream = (client as unknown as { ServerReflectionInfo(): ClientDuplexStream<object, Answer> }).ServerReflectionInfo();
      return await new Promise((resolve, reject) => {
        stream.once('data', resolve).once('error', reject);
        stream.write(request);
      });
    } finally {
      client.close();
    }
  }

  for (const version of ['v1', 'v1alpha']) {
    it(`names its services and their messages, by reflection ${version}`, async () => {
      const { list_services_response: services } = await ask(version, { list_services: '' });
      expect(services?.service.map(({ name }) => name)).to.deep.equal(['omega.mesh.v1.PeerService']);
      const { file_descriptor_response: files } = await ask(version, { file_containing_symbol: 'omega.mesh.v1.PeerService' });
      expect(files?.file_descriptor_proto[0]?.toString('latin1')).to.include('PeerService');
    });
  }
});
