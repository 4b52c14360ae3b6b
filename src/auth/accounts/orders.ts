/** What administrators order all nodes to do: it travels with the changes of accounts. */
import { z } from 'zod';

const name = z.string().min(1).max(1_000);
const orderSchema = z.union([
  z.object({ kind: z.literal('disconnect'), userId: name }),
  z.object({ kind: z.literal('disconnect'), documentId: name }),
  z.object({ kind: z.literal('drain'), node: name }),
]);

/** Ends the connections of a user or those to a document, or drains the node of a public id. */
export type Order = z.infer<typeof orderSchema>;

/** Whom an order disconnects. */
export type DisconnectTarget = { readonly userId: string } | { readonly documentId: string };

export function writeOrder(order: Order): string {
  return JSON.stringify(order);
}

/** Undefined for an order of another version, which this one does not know. */
export function readOrder(text: string): Order | undefined {
  try {
    return orderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
