import { typeCodes } from '../../../src/protocol/codes.js';
import { HEADER_BYTES } from '../../../src/protocol/frame.js';
import { DeltaTemplate, messageFrame, OPCODE_BINARY } from '../frames.js';
import type { Dialect } from './dialect.js';

/** The binary frames of docs/protocol.md. */
export const synckit: Dialect = {
  path: '/ws',
  opcode: OPCODE_BINARY,
  greeting: undefined,
  subscribe: (documentId) => messageFrame('subscribe', { documentId }),
  writes: (options) => new DeltaTemplate(options),
  read(receiver, bytes, start, end) {
    const type = bytes[start];
    switch (type) {
      case typeCodes.delta:
      case typeCodes.delta_batch:
        // Frames of one turn of a shard bear one time.
        receiver.updates(bytes, start, end, bytes.readUInt32BE(start + 5), type === typeCodes.delta);
        return;
      case typeCodes.ack:
        receiver.ack(bytes, start, end);
        return;
      case typeCodes.sync_response:
        receiver.state(end - start);
        return;
      case typeCodes.error:
        receiver.error(bytes.toString('utf8', start + HEADER_BYTES, end));
        return;
      default:
    }
  },
};
