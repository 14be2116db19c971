/** Over TLS who asks is proved: what a request says of that gives way, so that trails name who it was. */
import type { UntypedHandleCall } from '@grpc/grpc-js';
import { adminShown, callerBy } from './caller.ts';
import type { MeshService } from './session-service.ts';

type Handle = (call: { readonly metadata: Parameters<typeof callerBy>[0]; readonly request?: { by?: string } }, ...rest: unknown[]) => void;

export function provenAsker({ definition, implementation }: MeshService): MeshService {
  const proven = Object.entries(implementation).map(([method, handle]) => {
    const named: Handle = (call, ...rest) => {
      const caller = callerBy(call.metadata);
      if (caller !== undefined && call.request?.by !== undefined) call.request.by = adminShown(caller);
      (handle as Handle)(call, ...rest);
    };
    return [method, named as UntypedHandleCall];
  });
  return { definition, implementation: Object.fromEntries(proven) as MeshService['implementation'] };
}
