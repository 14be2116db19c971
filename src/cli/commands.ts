/** Every command there is, in the order in which help shows them. */
import { ACTOR_COMMANDS } from './actor-commands.ts';
import { AGENT_COMMANDS } from './agent-commands.ts';
import { AUDIT_COMMANDS } from './audit-commands.ts';
import { CHAOS_COMMANDS } from './chaos-commands.ts';
import type { CommandSpec } from './command.ts';
import { DEAD_LETTER_COMMANDS } from './dead-letter-commands.ts';
import { DISCOVER_COMMANDS } from './discover-commands.ts';
import { EVENT_COMMANDS } from './event-commands.ts';
import { DONE } from './exit-code.ts';
import { KEY_COMMANDS } from './key-commands.ts';
import { LIVE_COMMANDS } from './live-commands.ts';
import { MEMBER_COMMANDS } from './member-commands.ts';
import { NODE_COMMANDS } from './node-commands.ts';
import { REFERENCE_AGENT_COMMAND } from './reference-agent-command.ts';
import { REGISTRY_COMMANDS } from './registry-commands.ts';
import { SERF_COMMANDS } from './serf-commands.ts';
import { START_COMMAND } from './start-command.ts';
import { TRUST_COMMANDS } from './trust-commands.ts';
import { VERB_COMMANDS } from './verb-commands.ts';
import { readVersion } from './version.ts';

const VERSION_COMMAND: CommandSpec = {
  words: 'version',
  summary: 'print the version of mesh',
  example: 'mesh version',
  run: ({ answer }) => {
    const version = readVersion();
    answer({ version }, () => [version]);
    return Promise.resolve(DONE);
  },
};

export const COMMANDS: readonly CommandSpec[] = [
  START_COMMAND,
  ...NODE_COMMANDS,
  ...MEMBER_COMMANDS,
  ...LIVE_COMMANDS,
  ...ACTOR_COMMANDS,
  ...EVENT_COMMANDS,
  ...DEAD_LETTER_COMMANDS,
  ...VERB_COMMANDS,
  ...CHAOS_COMMANDS,
  ...SERF_COMMANDS,
  ...KEY_COMMANDS,
  ...TRUST_COMMANDS,
  ...AGENT_COMMANDS,
  ...REGISTRY_COMMANDS,
  ...AUDIT_COMMANDS,
  ...DISCOVER_COMMANDS,
  REFERENCE_AGENT_COMMAND,
  VERSION_COMMAND,
];

/** First words that are no command by themselves. */
export const GROUPS: Readonly<Record<string, string>> = {
  audit: 'see who did what to a node',
  chaos: 'break something on purpose',
  command: 'tell agents what to do',
  'dead-letters': 'look at messages that reached nobody, and send them again',
  discover: 'find out where other nodes are',
  keys: 'change the keys that gossip is encrypted with, while the mesh runs',
  registry: 'read and write the values that all nodes share',
  trust: 'see who this node is and whom it believes',
};
