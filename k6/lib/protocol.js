/**
 * The binary protocol (docs/protocol.md): 13 bytes of header, then a JSON object in UTF-8. k6 has neither TextEncoder nor
 * TextDecoder; its base64 functions run natively and, called in pairs, do the same.
 */
import { b64decode, b64encode } from 'k6/encoding';

export const types = {
  auth: 0x01,
  auth_success: 0x02,
  auth_error: 0x03,
  subscribe: 0x10,
  unsubscribe: 0x11,
  sync_request: 0x12,
  sync_response: 0x13,
  sync_step1: 0x14,
  sync_step2: 0x15,
  delta: 0x20,
  ack: 0x21,
  delta_batch_chunk: 0x23,
  ping: 0x30,
  pong: 0x31,
  awareness_update: 0x40,
  awareness_subscribe: 0x41,
  awareness_state: 0x42,
  delta_batch: 0x50,
  error: 0xff,
};

const HEADER_BYTES = 13;
const TWO_TO_32 = 0x1_0000_0000;

/**
 * The frame of a message as an ArrayBuffer.
 *
 * @param type One of `types`.
 * @param payload Every field of the message except its type and time.
 * @param timestamp Milliseconds since 1970.
 */
export function encode(type, payload, timestamp = Date.now()) {
  const json = new Uint8Array(b64decode(b64encode(JSON.stringify(payload)), 'std'));
  const frame = new ArrayBuffer(HEADER_BYTES + json.length);
  const header = new DataView(frame);
  header.setUint8(0, type);
  header.setUint32(1, Math.floor(timestamp / TWO_TO_32));
  header.setUint32(5, timestamp % TWO_TO_32);
  header.setUint32(9, json.length);
  new Uint8Array(frame).set(json, HEADER_BYTES);
  return frame;
}

/**
 * Parses a frame.
 *
 * @throws When it is shorter than its header states or its payload is not JSON.
 */
export function decode(frame) {
  const header = new DataView(frame);
  const length = header.getUint32(9);
  const end = HEADER_BYTES + length;
  if (frame.byteLength < end) throw new Error(`a frame of ${frame.byteLength} bytes announces ${length} of payload`);
  return {
    type: header.getUint8(0),
    timestamp: header.getInt32(1) * TWO_TO_32 + header.getUint32(5),
    payload: JSON.parse(b64decode(b64encode(frame.slice(HEADER_BYTES, end)), 'std', 's')),
  };
}
