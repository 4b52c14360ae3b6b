import { variants } from '../messages/task.js';
import type { Variant } from './outbox.js';

/** Variants whose frames have the same bodies. */
export interface Kind {
  readonly kind: readonly Variant[];
  /** Whether it is of partial subscribers; see `variants`. */
  readonly isPartial: boolean;
}

/** One `delta` per field. */
export const plain: readonly Variant[] = [
  { variant: variants.binaryDelta, encoding: 'binary' },
  { variant: variants.jsonDelta, encoding: 'json' },
];
/** `delta_batch`. */
export const batched: readonly Variant[] = [
  { variant: variants.binaryBatch, encoding: 'binary' },
  { variant: variants.jsonBatch, encoding: 'json' },
];
/** The id of a frame for server-sent events is where its reader can resume. */
const events: readonly Variant[] = [{ variant: variants.jsonEvents, encoding: 'json', isForEvents: true }];
const partialPlain: readonly Variant[] = [
  { variant: variants.partialBinaryDelta, encoding: 'binary' },
  { variant: variants.partialJsonDelta, encoding: 'json' },
];
const partialBatched: readonly Variant[] = [
  { variant: variants.partialBinaryBatch, encoding: 'binary' },
  { variant: variants.partialJsonBatch, encoding: 'json' },
];

/** The kinds with one `delta` per field that have subscribers. @param wanted Bits of `variants` that have. */
export const plainKinds: (wanted: number) => readonly Kind[] = wantedOf([
  { kind: plain, isPartial: false },
  { kind: partialPlain, isPartial: true },
]);

/** The kinds with `delta_batch` that have subscribers. @param wanted Bits of `variants` that have. */
export const batchedKinds: (wanted: number) => readonly Kind[] = wantedOf([
  { kind: batched, isPartial: false },
  { kind: events, isPartial: false },
  { kind: partialBatched, isPartial: true },
]);

/** Of each kind, the variants that have subscribers, if there are any; made once, as there are few combinations. */
function wantedOf(kinds: readonly Kind[]): (wanted: number) => readonly Kind[] {
  const known = new Map<number, readonly Kind[]>();
  return (wanted) => {
    let found = known.get(wanted);
    if (found === undefined) {
      found = kinds
        .map(({ kind, isPartial }) => ({ kind: kind.filter(({ variant }) => (wanted & variant) !== 0), isPartial }))
        .filter(({ kind }) => kind.length > 0);
      known.set(wanted, found);
    }
    return found;
  };
}
