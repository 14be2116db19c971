/** Settings of grpc-js 1.14, each with its reason. */
import type { ChannelOptions } from '@grpc/grpc-js';

/** Frames above this are refused by both ends. Senders keep far below it: batches and snapshot parts of 256 KiB. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;

const BOTH_ENDS = {
  // An end whose machine or network is gone is noticed in 5 s, also when nothing is sent: a ping after 3 s of silence, 2 s for its
  // answer. Of agents nobody else would notice. Ten thousand of them are 3,300 pings a second, some 5 % of a core.
  'grpc.keepalive_time_ms': 3_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': FRAME_BYTES_MAX,
  // Its books cost memory for every connection, and nobody here reads them.
  'grpc.enable_channelz': 0,
} as const satisfies ChannelOptions;

export const CHANNEL_OPTIONS: ChannelOptions = {
  ...BOTH_ENDS,
  // One connection per session, gone when the session is: sharing would hide which peer is slow.
  'grpc.use_local_subchannel_pool': 1,
  // Sessions are not retried by grpc but by who dialled. The buffer that retries would use still bounds what is
  // accepted before the receiver's window opens, and large values make every write O(n).
  'grpc.enable_retries': 0,
  'grpc.per_rpc_retry_buffer_size': 65_536,
  // Names are plain host names: no TXT lookups for service configurations, no proxies from the environment.
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  // The window for what the server sends: 64 KiB by default, which is 0.6 MB/s at 100 ms of round trip.
  'grpc-node.flow_control_window': 1024 * 1024,
};

export const SERVER_OPTIONS: ChannelOptions = {
  ...BOTH_ENDS,
  // Peers and agents hold one stream per connection; proxies may gather some.
  'grpc.max_concurrent_streams': 1_024,
  // A connection without a stream serves nobody.
  'grpc.max_connection_idle_ms': 60_000,
};
