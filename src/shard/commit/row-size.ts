import type { FieldWrite } from '@synckit/core-wasm';

/** Bytes a row takes besides its text, roughly. */
export const ROW_BYTES = 96;

/** Bytes that a row takes while it waits to be durable, about. */
export function sizeOf({ path, value }: Pick<FieldWrite, 'path' | 'value'>): number {
  return ROW_BYTES + path.length + value.length;
}
