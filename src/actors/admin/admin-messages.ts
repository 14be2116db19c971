/** What the admin actor is told by its server and by the rooms it asks for operators. */
import type { MeshError } from '../../errors.ts';
import type { AdminSink } from '../../transport/admin-service.ts';
import type { EventsItem } from '../../transport/generated/omega/mesh/v1/EventsItem.ts';
import type { EventsRequest__Output } from '../../transport/generated/omega/mesh/v1/EventsRequest.ts';
import type { MemberHappening } from '../../transport/generated/omega/mesh/v1/MemberHappening.ts';
import type { RegistryEvent } from '../../transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { TelemetryEvent } from '../../transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import type { TraceItem } from '../../transport/generated/omega/mesh/v1/TraceItem.ts';
import type { TraceRequest__Output } from '../../transport/generated/omega/mesh/v1/TraceRequest.ts';
import type { BusDelivery } from '../bus/bus-messages.ts';
import type { MemberEventsNews } from '../membership/membership-messages.ts';
import type { RegistryNews } from '../registry/registry-messages.ts';

export type AdminMessage =
  /** An operator wants the telemetry of an agent that is known to be connected. */
  | { readonly kind: 'open-tail'; readonly agent: string; readonly sink: AdminSink<TelemetryEvent> }
  | { readonly kind: 'refuse-tail'; readonly sink: AdminSink<TelemetryEvent>; readonly fault: MeshError }
  | { readonly kind: 'open-watch'; readonly prefix: string; readonly sink: AdminSink<RegistryEvent> }
  | { readonly kind: 'open-members'; readonly sink: AdminSink<MemberHappening> }
  | { readonly kind: 'open-events'; readonly request: EventsRequest__Output; readonly sink: AdminSink<EventsItem> }
  | { readonly kind: 'open-trace'; readonly request: TraceRequest__Output; readonly sink: AdminSink<TraceItem> }
  | { readonly kind: 'trace-over'; readonly stream: string }
  /** Supervision has seen something, or somebody who reads events has room again. */
  | { readonly kind: 'events-news' }
  | { readonly kind: 'closed'; readonly stream: string }
  | { readonly kind: 'watch-answered'; readonly stream: string; readonly fault: MeshError | undefined }
  | { readonly kind: 'pulse' }
  | BusDelivery
  | MemberEventsNews
  | RegistryNews;
