/** The slots of a Redis Cluster, and the masters that own them. */
import { Command } from 'ioredis';

export const SLOTS = 16_384;

/** Consecutive slots and the master that owns them. */
export interface SlotRange {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
  readonly host: string;
  readonly port: number;
}

/** The slot of a channel or key, from 0 to 16 383. */
export function slotOf(channel: string): number {
  // ioredis computes it for any command with one key.
  return new Command('get', [channel]).getSlot();
}

/**
 * Reads the answer to `CLUSTER SLOTS`.
 *
 * @param asked The host that answered; a server may leave out its own host name.
 * @throws Error when the answer has another shape.
 */
export function readSlots(reply: unknown, asked: string): SlotRange[] {
  if (!Array.isArray(reply)) throw unexpected();
  return (reply as readonly unknown[]).map((entry) => {
    if (!Array.isArray(entry)) throw unexpected();
    const [first, last, master] = entry as readonly unknown[];
    if (!isSlot(first) || !isSlot(last) || !Array.isArray(master)) throw unexpected();
    const [host, port] = master as readonly unknown[];
    if (!Number.isInteger(port) || (host !== null && typeof host !== 'string')) throw unexpected();
    return { first, last, host: host === null || host === '' ? asked : host, port: port as number };
  });
}

function isSlot(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < SLOTS;
}

function unexpected(): Error {
  return new Error('unexpected answer to CLUSTER SLOTS');
}
