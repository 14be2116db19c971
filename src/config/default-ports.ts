/** Apart from the configuration, which takes its time to load: a command that only asks a node needs none. */
export const GRPC_PORT_DEFAULT = 7947;
