export type { FieldWrite, FieldsStore, WriterStamp } from './fields-store.js';
export { FieldsCore } from './fields-core.js';
export type { CoreOptions } from './core-instance.js';
export { TwinFields } from './twin-fields.js';
export { CoreAbort } from './core-abort.js';
