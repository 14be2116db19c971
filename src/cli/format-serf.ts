/** Events, queries and answers, for people and as JSON. Pure. */
import { isUtf8 } from 'node:buffer';
import type { HeardItem__Output } from '../transport/generated/omega/mesh/v1/HeardItem.ts';
import type { QueryItem__Output } from '../transport/generated/omega/mesh/v1/QueryItem.ts';
import { printable } from './paint.ts';

/** Bytes that are no text are given as such. */
type PayloadLine = { readonly payload: string } | { readonly payloadBase64: string };

export type HeardLine = PayloadLine &
  (
    | { readonly type: 'event'; readonly lTime: number; readonly name: string; readonly coalesce: boolean }
    | { readonly type: 'query'; readonly lTime: number; readonly id: number; readonly name: string; readonly from: string; readonly timeoutMs: number }
  );

export type QueryLine =
  | { readonly type: 'ack'; readonly from: string }
  | ({ readonly type: 'response'; readonly from: string } & PayloadLine)
  | { readonly type: 'over'; readonly acks: number; readonly responses: number };

export function heardLine({ event, query }: HeardItem__Output): HeardLine {
  if (query) {
    const { payload, lTime, id, name, from, timeoutMs } = query;
    return { type: 'query', lTime, id, name, from, timeoutMs, ...payloadLine(payload) };
  }
  const { payload = Buffer.alloc(0), lTime = 0, name = '', coalesce = false } = event ?? {};
  return { type: 'event', lTime, name, coalesce, ...payloadLine(payload) };
}

export function queryLine({ ack, response, over }: QueryItem__Output): QueryLine {
  if (ack) return { type: 'ack', from: ack.from };
  if (response) return { type: 'response', from: response.from, ...payloadLine(response.payload) };
  return { type: 'over', acks: over?.acks ?? 0, responses: over?.responses ?? 0 };
}

export function formatHeard(line: HeardLine): string {
  const what = line.type === 'event' ? 'event' : `query of ${words(line.from)}`;
  return `${what} ${words(line.name)}${payloadWords(line)}`;
}

export function formatQueryItem(line: QueryLine): string {
  switch (line.type) {
    case 'ack':
      return `${words(line.from)} has heard`;
    case 'response':
      return `${words(line.from)} answers${payloadWords(line)}`;
    case 'over':
      return `${line.acks} have heard, ${line.responses} have answered`;
  }
}

/** On one line. */
export function words(text: string): string {
  return printable(text.replace(/\n$/, ''));
}

function payloadLine(payload: Buffer): PayloadLine {
  return isUtf8(payload) ? { payload: payload.toString('utf8') } : { payloadBase64: payload.toString('base64') };
}

function payloadWords(line: PayloadLine): string {
  if ('payloadBase64' in line) return `: ${line.payloadBase64} (base64)`;
  return line.payload === '' ? '' : `: ${words(line.payload)}`;
}
