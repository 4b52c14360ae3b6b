/** The fixed parts of a state as clients write it, in static memory, and the names of its keys. */

/** `{"client_id":"` */
export const ID_START: usize = memory.data<u8>([123, 34, 99, 108, 105, 101, 110, 116, 95, 105, 100, 34, 58, 34]);
export const ID_START_LENGTH: u32 = 14;
/** `","clock":` */
export const CLOCK_KEY: usize = memory.data<u8>([34, 44, 34, 99, 108, 111, 99, 107, 34, 58]);
export const CLOCK_KEY_LENGTH: u32 = 10;
/** `,"offset":` */
export const OFFSET_KEY: usize = memory.data<u8>([44, 34, 111, 102, 102, 115, 101, 116, 34, 58]);
export const OFFSET_KEY_LENGTH: u32 = 10;
/** `,"offset":0}` */
export const OFFSET_ZERO: usize = memory.data<u8>([44, 34, 111, 102, 102, 115, 101, 116, 34, 58, 48, 125]);
export const OFFSET_ZERO_LENGTH: u32 = 12;
/** `,{"id":` */
export const PAIR_MIDDLE: usize = memory.data<u8>([44, 123, 34, 105, 100, 34, 58]);
export const PAIR_MIDDLE_LENGTH: u32 = 7;
/** `,"text":"` */
export const TEXT_KEY: usize = memory.data<u8>([44, 34, 116, 101, 120, 116, 34, 58, 34]);
export const TEXT_KEY_LENGTH: u32 = 9;
/** `","left_origin":` */
export const LEFT_KEY: usize = memory.data<u8>([
  34, 44, 34, 108, 101, 102, 116, 95, 111, 114, 105, 103, 105, 110, 34, 58,
]);
export const LEFT_KEY_LENGTH: u32 = 16;
/** `,"right_origin":` */
export const RIGHT_KEY: usize = memory.data<u8>([
  44, 34, 114, 105, 103, 104, 116, 95, 111, 114, 105, 103, 105, 110, 34, 58,
]);
export const RIGHT_KEY_LENGTH: u32 = 16;
/** `,"deleted":` */
export const DELETED_KEY: usize = memory.data<u8>([44, 34, 100, 101, 108, 101, 116, 101, 100, 34, 58]);
export const DELETED_KEY_LENGTH: u32 = 11;
/** `true}]` */
export const TRUE_END: usize = memory.data<u8>([116, 114, 117, 101, 125, 93]);
export const TRUE_END_LENGTH: u32 = 6;
/** `false}]` */
export const FALSE_END: usize = memory.data<u8>([102, 97, 108, 115, 101, 125, 93]);
export const FALSE_END_LENGTH: u32 = 7;
/** `{"blocks":[` */
export const STATE_START: usize = memory.data<u8>([123, 34, 98, 108, 111, 99, 107, 115, 34, 58, 91]);
export const STATE_START_LENGTH: u32 = 11;
/** `],"clock":{"value":` */
export const STATE_CLOCK: usize = memory.data<u8>([
  93, 44, 34, 99, 108, 111, 99, 107, 34, 58, 123, 34, 118, 97, 108, 117, 101, 34, 58,
]);
export const STATE_CLOCK_LENGTH: u32 = 19;
/** `},"client_id":"` */
export const STATE_CLIENT: usize = memory.data<u8>([
  125, 44, 34, 99, 108, 105, 101, 110, 116, 95, 105, 100, 34, 58, 34,
]);
export const STATE_CLIENT_LENGTH: u32 = 15;
/** `"}` */
export const STATE_END: usize = memory.data<u8>([34, 125]);
export const STATE_END_LENGTH: u32 = 2;
/** `client_id` */
export const KEY_CLIENT_ID: usize = memory.data<u8>([99, 108, 105, 101, 110, 116, 95, 105, 100]);
export const KEY_CLIENT_ID_LENGTH: u32 = 9;
/** `clock` */
export const KEY_CLOCK: usize = memory.data<u8>([99, 108, 111, 99, 107]);
export const KEY_CLOCK_LENGTH: u32 = 5;
/** `offset` */
export const KEY_OFFSET: usize = memory.data<u8>([111, 102, 102, 115, 101, 116]);
export const KEY_OFFSET_LENGTH: u32 = 6;
/** `id` */
export const KEY_ID: usize = memory.data<u8>([105, 100]);
export const KEY_ID_LENGTH: u32 = 2;
/** `text` */
export const KEY_TEXT: usize = memory.data<u8>([116, 101, 120, 116]);
export const KEY_TEXT_LENGTH: u32 = 4;
/** `left_origin` */
export const KEY_LEFT: usize = memory.data<u8>([108, 101, 102, 116, 95, 111, 114, 105, 103, 105, 110]);
export const KEY_LEFT_LENGTH: u32 = 11;
/** `right_origin` */
export const KEY_RIGHT: usize = memory.data<u8>([114, 105, 103, 104, 116, 95, 111, 114, 105, 103, 105, 110]);
export const KEY_RIGHT_LENGTH: u32 = 12;
/** `deleted` */
export const KEY_DELETED: usize = memory.data<u8>([100, 101, 108, 101, 116, 101, 100]);
export const KEY_DELETED_LENGTH: u32 = 7;
/** `blocks` */
export const KEY_BLOCKS: usize = memory.data<u8>([98, 108, 111, 99, 107, 115]);
export const KEY_BLOCKS_LENGTH: u32 = 6;
/** `value` */
export const KEY_VALUE: usize = memory.data<u8>([118, 97, 108, 117, 101]);
export const KEY_VALUE_LENGTH: u32 = 5;
