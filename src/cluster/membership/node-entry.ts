/** The encoding of an entry of the list of nodes: JSON text, shared by nodes of different versions. */
import { z } from 'zod';
import { MAX_ROOMS, type NodeEntry } from './shared-state.js';

const count = z.number().int().nonnegative();
const name = z.string().min(1).max(256);

const room = z.object({ id: name, subscribers: count, lastModified: count });

/**
 * Unknown properties are ignored. A property that a later version adds needs a default, as older nodes don't send it.
 */
const entrySchema = z.object({
  nodeId: name,
  publicId: name,
  run: name,
  version: name,
  pid: count,
  host: name,
  port: count,
  startedAt: count,
  connections: count,
  users: count,
  clients: count,
  documents: count,
  draining: z.boolean(),
  activity: z.object({ deliveries: count, acks: z.array(count).max(100) }).optional(),
  // Truncated before validation, so that the cost of reading an entry is bounded.
  rooms: z.preprocess((rooms) => (Array.isArray(rooms) ? rooms.slice(0, MAX_ROOMS) : rooms), z.array(room)),
}) satisfies z.ZodType<NodeEntry>;

/** One JSON object with the properties of `NodeEntry`; at most `MAX_ROOMS` rooms are kept. */
export function encodeEntry(entry: NodeEntry): string {
  return JSON.stringify({ ...entry, rooms: entry.rooms.slice(0, MAX_ROOMS) });
}

/** Reads the text of `encodeEntry`, of this or another version; undefined when it is no valid entry. Never throws. */
export function decodeEntry(text: string): NodeEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return entrySchema.safeParse(value).data;
}
