import { z } from 'zod';
import { ProtocolError } from '../../errors.js';

const bodySchema = z.strictObject({ content: z.string() });

/** What a text is to show. @param isJson Whether the body is `{"content": …}`. @throws ProtocolError INVALID_DELTA */
export function contentOf(body: Buffer, isJson: boolean): string {
  const text = decoded(body);
  if (!isJson) return text;
  const read = bodySchema.safeParse(parsed(text));
  if (!read.success) throw new ProtocolError('INVALID_DELTA', 'the body must be {"content": "…"}');
  return read.data.content;
}

function decoded(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new ProtocolError('INVALID_DELTA', 'a text must be UTF-8');
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
