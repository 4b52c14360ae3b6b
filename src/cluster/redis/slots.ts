/** Which server of a Redis Cluster has which channels. */
import { Command } from 'ioredis';

export const SLOTS = 16_384;

/** Consecutive slots and the master that has them. */
export interface SlotRange {
  readonly first: number;
  /** Included. */
  readonly last: number;
  readonly host: string;
  readonly port: number;
}

/** The slot of a channel, from 0 to 16 383. */
export function slotOf(channel: string): number {
  // The client's own reckoning; any command with one key will do.
  return new Command('get', [channel]).getSlot();
}

/**
 * Reads the answer to `CLUSTER SLOTS`.
 *
 * @param asked The host that answered, which does not always name itself.
 * @throws Error when it is something else.
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
  return new Error('the answer to CLUSTER SLOTS is not understood');
}
