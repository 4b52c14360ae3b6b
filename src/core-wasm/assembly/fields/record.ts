/** A field as the loader reads it from the result area: values and where the strings lie. */
import { Field, valueOf } from './field';
import { idOf } from './writer';

/** Layout: `fieldRecord` in lib/layout.ts. */
export const FIELD_RECORD: u32 = 56;

export function writeFieldRecord(target: usize, field: Field): void {
  store<f64>(target, field.timestamp);
  store<f64>(target, field.counter, 8);
  store<f64>(target, field.stamp, 16);
  store<u32>(target, field.deleted, 24);
  store<usize>(target, field.text, 28);
  store<u32>(target, field.pathLength, 32);
  store<usize>(target, valueOf(field), 36);
  store<u32>(target, field.valueLength, 40);
  store<usize>(target, idOf(field.writer), 44);
  store<u32>(target, field.writer.length, 48);
}
