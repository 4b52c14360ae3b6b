export type { FieldWrite, FieldsStore, WriterStamp } from './fields-store.js';
export { FieldsCore } from './fields-core.js';
export type { CoreOptions } from './core-instance.js';
export { CoreAbort } from './core-abort.js';
export {
  TextRefused,
  type TextApplyResult,
  type TextFault,
  type TextMergeResult,
  type TextStore,
} from './text-store.js';
export type { ClusterId, InsertedText, MarkedClusters, TextEdit, VisibleBlock, VisibleText } from './text-edit.js';
export { StringScan } from './string-scan.js';
export { TextCore, type TextCoreOptions } from './text-core.js';
