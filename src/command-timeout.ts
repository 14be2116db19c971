/** How long an agent has for a command. Imports nothing. */

/** When nobody says. */
export const COMMAND_TIMEOUT_MS = 5_000;
/** A command that takes longer is a job: it should answer that it has begun. */
export const COMMAND_TIMEOUT_MAX_MS = 600_000;
