export type { FieldWrite, FieldsStore, WriterStamp } from './fields-store.js';
export { FieldsCore } from './fields-core.js';
export type { CoreOptions } from './core-instance.js';
export { CoreAbort } from './core-abort.js';
export { TextRefused, type TextApply, type TextFault, type TextMerge, type TextStore } from './text-store.js';
export { TextCore, type TextCoreOptions } from './text-core.js';
