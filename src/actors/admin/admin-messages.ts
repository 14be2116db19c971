/** What the admin actor is told by its server and by the rooms it watches for operators. */
import type { MeshError } from '../../errors.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { RegistryEvent } from '../../transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { TelemetryEvent } from '../../transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import type { BusDelivery } from '../bus/bus-messages.ts';
import type { RegistryNews } from '../registry/registry-messages.ts';

export type AdminMessage =
  /** An operator wants the telemetry of an agent that is known to be connected. */
  | { readonly kind: 'tail'; readonly agent: string; readonly sink: AdminSink<TelemetryEvent> }
  | { readonly kind: 'tail-closed'; readonly agent: string; readonly sink: AdminSink<TelemetryEvent> }
  | { readonly kind: 'refuse'; readonly sink: AdminSink<TelemetryEvent>; readonly fault: MeshError }
  | { readonly kind: 'watch'; readonly prefix: string; readonly sink: AdminSink<RegistryEvent> }
  | { readonly kind: 'watch-closed'; readonly watch: string }
  | { readonly kind: 'kill'; readonly path: string }
  /** The bus or the registry has restarted and forgotten what this actor asked of it. */
  | { readonly kind: 'subscribe-again'; readonly path: string }
  | BusDelivery
  | RegistryNews;
