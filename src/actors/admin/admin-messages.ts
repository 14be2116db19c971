/** What the admin actor is told by its server and by the rooms it watches for operators. */
import type { MeshError } from '../../errors.ts';
import type { RegistryEvent } from '../../transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { TelemetryEvent } from '../../transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import type { BusDelivery } from '../bus/bus-messages.ts';
import type { RegistryNews } from '../registry/registry-messages.ts';

/** One operator's open stream. */
export interface Sink<T> {
  /** False when the operator reads too slowly and this one was not taken. */
  send(message: T): boolean;
  onClosed(listener: () => void): void;
  close(fault?: MeshError): void;
}

export type AdminMessage =
  | { readonly kind: 'tail'; readonly agent: string; readonly sink: Sink<TelemetryEvent> }
  | { readonly kind: 'tail-closed'; readonly agent: string; readonly sink: Sink<TelemetryEvent> }
  | { readonly kind: 'watch'; readonly prefix: string; readonly sink: Sink<RegistryEvent> }
  | { readonly kind: 'watch-closed'; readonly watch: string }
  | { readonly kind: 'kill'; readonly path: string }
  /** The bus or the registry has restarted and forgotten what this actor asked of it. */
  | { readonly kind: 'subscribe-again'; readonly path: string }
  | BusDelivery
  | RegistryNews;
