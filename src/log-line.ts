/** A logged fact as a line for people. Apart from log.ts, which loads the whole logger: threads that must be quick write too. */

/** `level`, `event` and the fields. */
type LoggedFact = Readonly<Record<string, unknown>>;

const COLOURS: Record<string, string> = { error: '31', warn: '33', info: '36', debug: '90' };
/** Shown in their place, or kept for the file: a stack and a state are for whoever mends the code. */
const NOT_REPEATED = new Set(['level', 'message', 'event', 'node', 'actor', 'life', 'stack', 'state', 'isForFile']);

export function peoplesLine(fact: LoggedFact, at: Date, colour: boolean): string {
  const name = String(fact['level']);
  const level = colour ? `\u001b[${COLOURS[name] ?? '0'}m${name.padEnd(5)}\u001b[0m` : name.padEnd(5);
  const who = typeof fact['actor'] === 'string' ? ` ${fact['actor']}` : '';
  const fields = Object.entries(fact)
    .filter(([field]) => !NOT_REPEATED.has(field))
    .flatMap(([field, value]) => fieldsOf(field, value));
  return [`${at.toISOString().slice(11, 23)} ${level}${who}`, String(fact['event']), ...fields].join(' ');
}

/** One field per leaf: `budget.used=1`. The file keeps the structure. */
function fieldsOf(name: string, value: unknown): string[] {
  if (value === undefined) return [];
  const text = asText(value);
  if (text === undefined) return Object.entries(value as object).flatMap(([key, inner]) => fieldsOf(`${name}.${key}`, inner));
  return [`${name}=${/^[\w./:@,[\]-]*$/.test(text) ? text : JSON.stringify(text)}`];
}

/** What fits behind one `=`; undefined for an object with fields of its own. An address is one word: `127.0.0.1:7946`. */
function asText(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map((item) => asText(item) ?? JSON.stringify(item)).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  const { host, port, ...others } = value as Record<string, unknown>;
  if (typeof host !== 'string' || typeof port !== 'number' || Object.keys(others).length > 0) return undefined;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
