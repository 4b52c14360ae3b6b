/** An entry of the list of nodes as text: JSON, which nodes of other versions read and write too. */
import { z } from 'zod';
import { MAX_ROOMS, type NodeEntry, type Room } from './shared-state.js';

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

/** A document with subscribers on some nodes. */
export interface ClusterRoom extends Room {
  /** How many nodes named it. */
  readonly nodes: number;
}

/**
 * The documents of several nodes, those with the most subscribers first, no more than `limit`. A node names only some
 * of its documents, so the sums are no larger than the truth, and may be smaller.
 */
export function sumRooms(nodes: Iterable<Pick<NodeEntry, 'rooms'>>, limit: number): ClusterRoom[] {
  const sums = new Map<string, ClusterRoom>();
  for (const { rooms } of nodes) {
    for (const { id, subscribers, lastModified } of rooms) {
      const sum = sums.get(id);
      sums.set(id, {
        id,
        subscribers: subscribers + (sum?.subscribers ?? 0),
        lastModified: Math.max(lastModified, sum?.lastModified ?? 0),
        nodes: 1 + (sum?.nodes ?? 0),
      });
    }
  }
  return [...sums.values()].sort((a, b) => b.subscribers - a.subscribers).slice(0, limit);
}
