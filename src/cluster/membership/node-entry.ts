/** An entry of the list of nodes as text: JSON, which nodes of other versions read and write too. */
import { z } from 'zod';
import { MAX_ROOMS, type NodeEntry } from './shared-state.js';

const count = z.number().int().nonnegative();
const name = z.string().min(1).max(256);

const room = z.object({ id: name, subscribers: count, lastModified: count });

/** What is added in a later version is ignored here, and needs a default there. */
const entry = z.object({
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
  // Cut before it is read: what another node sent must not take more time than what this one would send.
  rooms: z.preprocess((rooms) => (Array.isArray(rooms) ? rooms.slice(0, MAX_ROOMS) : rooms), z.array(room)),
}) satisfies z.ZodType<NodeEntry>;

export function encodeEntry(told: NodeEntry): string {
  return JSON.stringify({ ...told, rooms: told.rooms.slice(0, MAX_ROOMS) });
}

/** Undefined when it is no entry. */
export function decodeEntry(text: string): NodeEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return entry.safeParse(value).data;
}
