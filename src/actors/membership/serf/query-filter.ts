/**
 * Whom a query is for: nodes by name, or by tags that match expressions; all filters must let a node through. The
 * expressions are Go's, and come from anybody: RE2 matches them in linear time, where JavaScript's own would let a short
 * one stop the node for years.
 */
import { RE2JS } from 're2js';
import { MsgpackReader, MsgpackWriter } from '../wire/msgpack.ts';
import { META_BYTES_MAX, NAME_BYTES_MAX } from '../wire/messages.ts';
import { Struct, text } from '../wire/struct.ts';
import { WireFault, attempt } from '../wire/wire-fault.ts';
import { readList, textItem } from './serf-fields.ts';

const FILTER = { nodes: 0, tag: 1 } as const;

/** A query of 1,024 bytes cannot hold more. */
const NODES_MAX = 1_024;
const EXPRESSION_BYTES_MAX = 1_024;

const tagFilter = new Struct({ tag: text('Tag', META_BYTES_MAX), expression: text('Expr', EXPRESSION_BYTES_MAX) });

export interface Filters {
  /** Empty for all. */
  readonly nodes: readonly string[];
  /** Expressions by tag. */
  readonly tags: Readonly<Record<string, string>>;
}

export function encodeFilters({ nodes, tags }: Filters): Uint8Array[] {
  const filters = Object.entries(tags).map(([tag, expression]) => {
    const writer = new MsgpackWriter();
    writer.writeByte(FILTER.tag);
    tagFilter.write(writer, { tag, expression });
    return writer.bytes();
  });
  return nodes.length === 0 ? filters : [encodeNodes(nodes), ...filters];
}

/** Whether a node is meant. A filter that cannot be read lets nobody through. */
export function isMeant(filters: readonly Uint8Array[], self: { readonly name: string; readonly tags: Readonly<Record<string, string>> }): boolean {
  return filters.every((filter) => attempt(() => letsThrough(filter, self)) === true);
}

function encodeNodes(nodes: readonly string[]): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(FILTER.nodes);
  writer.writeArrayHeader(nodes.length);
  for (const node of nodes) writer.writeText(node);
  return writer.bytes();
}

function letsThrough(filter: Uint8Array, self: { readonly name: string; readonly tags: Readonly<Record<string, string>> }): boolean {
  const reader = new MsgpackReader(filter, 1);
  if (filter[0] === FILTER.nodes) return readList(reader, NODES_MAX, textItem(NAME_BYTES_MAX)).includes(self.name);
  if (filter[0] !== FILTER.tag) throw new WireFault('unknown-type', `filter type ${filter[0]}`);
  const { tag, expression } = tagFilter.read(reader);
  return compiled(expression)?.matcher(Object.hasOwn(self.tags, tag) ? self.tags[tag]! : '').find() === true;
}

function compiled(expression: string): RE2JS | undefined {
  try {
    return RE2JS.compile(expression);
  } catch {
    return undefined;
  }
}
