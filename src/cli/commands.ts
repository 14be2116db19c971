/** Every command there is, in the order in which help shows them. */
import type { CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { readVersion } from './version.ts';

const VERSION_COMMAND: CommandSpec = {
  words: 'version',
  summary: 'print the version of mesh',
  isLocal: true,
  example: 'mesh version',
  run: ({ answer }) => {
    const version = readVersion();
    answer({ version }, () => [version]);
    return Promise.resolve(DONE);
  },
};

interface CommandFile {
  /** With which its commands begin. */
  readonly firstWords: string;
  readonly load: () => Promise<readonly CommandSpec[]>;
}

/** A command loads its own file: what a node does not show it need not load. */
const FILES: readonly CommandFile[] = [
  { firstWords: 'start', load: async () => [(await import('./start-command.ts')).START_COMMAND] },
  { firstWords: 'status', load: async () => (await import('./node-commands.ts')).NODE_COMMANDS },
  { firstWords: 'members', load: async () => (await import('./member-commands.ts')).MEMBER_COMMANDS },
  { firstWords: 'tree top', load: async () => (await import('./live-commands.ts')).LIVE_COMMANDS },
  { firstWords: 'info state trace', load: async () => (await import('./actor-commands.ts')).ACTOR_COMMANDS },
  { firstWords: 'history why events', load: async () => (await import('./event-commands.ts')).EVENT_COMMANDS },
  { firstWords: 'dead-letters', load: async () => (await import('./dead-letter-commands.ts')).DEAD_LETTER_COMMANDS },
  { firstWords: 'restart stop suspend resume', load: async () => (await import('./verb-commands.ts')).VERB_COMMANDS },
  { firstWords: 'chaos', load: async () => (await import('./chaos-commands.ts')).CHAOS_COMMANDS },
  { firstWords: 'event query answer rtt tags', load: async () => (await import('./serf-commands.ts')).SERF_COMMANDS },
  { firstWords: 'keys', load: async () => (await import('./key-commands.ts')).KEY_COMMANDS },
  { firstWords: 'init trust', load: async () => [...(await import('./trust-commands.ts')).TRUST_COMMANDS, ...(await import('./ban-commands.ts')).BAN_COMMANDS, ...(await import('./authority-commands.ts')).AUTHORITY_COMMANDS] },
  { firstWords: 'token join', load: async () => (await import('./token-commands.ts')).TOKEN_COMMANDS },
  { firstWords: 'workload', load: async () => (await import('./workload-commands.ts')).WORKLOAD_COMMANDS },
  { firstWords: 'agents command', load: async () => (await import('./agent-commands.ts')).AGENT_COMMANDS },
  { firstWords: 'registry', load: async () => (await import('./registry-commands.ts')).REGISTRY_COMMANDS },
  { firstWords: 'audit', load: async () => (await import('./audit-commands.ts')).AUDIT_COMMANDS },
  { firstWords: 'discover', load: async () => (await import('./discover-commands.ts')).DISCOVER_COMMANDS },
  { firstWords: 'agent', load: async () => [(await import('./reference-agent-command.ts')).REFERENCE_AGENT_COMMAND] },
  { firstWords: 'version', load: () => Promise.resolve([VERSION_COMMAND]) },
];

export async function allCommands(): Promise<readonly CommandSpec[]> {
  return (await Promise.all(FILES.map(({ load }) => load()))).flat();
}

/** All that begin with the word, and some others; all there are when none does. */
export async function commandsFor(word: string | undefined): Promise<readonly CommandSpec[]> {
  const file = FILES.find(({ firstWords }) => firstWords.split(' ').includes(word ?? ''));
  return file === undefined ? allCommands() : file.load();
}

/** Options that stand before the command, and whether something follows them. */
const BEFORE: Readonly<Record<string, boolean>> = { '--node': true, '--as': true, '--json': false };

/** The first word of the command that was typed. */
export function firstWordIn(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const [option = ''] = word.split('=', 1);
    if (BEFORE[option] === undefined) return word;
    if (BEFORE[option] && option === word) at++;
  }
  return undefined;
}

/** First words that are no command by themselves. */
export const GROUPS: Readonly<Record<string, string>> = {
  audit: 'see who did what to a node',
  chaos: 'break something on purpose',
  command: 'tell agents what to do',
  'dead-letters': 'look at messages that reached nobody, and send them again',
  discover: 'find out where other nodes are',
  keys: 'change the keys that gossip is encrypted with, while the mesh runs',
  registry: 'read and write the values that all nodes share',
  token: 'let others join the trust domain, one identity a token',
  'trust authority': 'change the authority that issues all certificates, step by step, while the mesh runs',
  trust: 'see who this node is and whom it believes, and keep others out',
  workload: 'give programs beside the node their identity, as the SPIFFE Workload API',
};
