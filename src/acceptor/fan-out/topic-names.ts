import { variants } from '../../messages/task.js';

/** The prefix of each variant's topics. */
const prefixes = new Map<number, string>([
  [variants.binaryDelta, 'b:'],
  [variants.binaryBatch, 'B:'],
  [variants.jsonDelta, 'j:'],
  [variants.jsonBatch, 'J:'],
  [variants.binaryAny, 'x:'],
  [variants.jsonAny, 'X:'],
  [variants.partialBinaryDelta, 'pb:'],
  [variants.partialBinaryBatch, 'pB:'],
  [variants.partialJsonDelta, 'pj:'],
  [variants.partialJsonBatch, 'pJ:'],
  [variants.jsonEvents, 'e:'],
]);

/** The native topic of a document for one variant. */
export function topicOf(documentId: string, variant: number): string {
  return (prefixes.get(variant) ?? '') + documentId;
}

/** Each variant that has topics, in the order of the bits. */
export const variantBits: readonly number[] = [...prefixes.keys()];
