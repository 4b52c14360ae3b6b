/**
 * The ceiling for fan-out: uWebSockets.js and nothing else. A document is a topic; what a writer sends goes out to it as
 * frames of the length that the bench asks for, under the same rule of coalescing as ours: at once when the topic was
 * idle, then at most once per SYNC_BATCH_DELAY, all frames of a flush in one turn.
 */
import uWS from 'uWebSockets.js';
import { typeCodes } from '../../src/protocol/codes.js';
import { HEADER_BYTES } from '../../src/protocol/frame.js';
import { MARK_BYTES } from '../load/mark.js';

/** What the bench sends to it. */
export interface BareSettings {
  /** Length of the frames that it publishes. */
  readonly frameBytes: number;
  /** Length of the frame that answers a subscription; that of an empty document by default. */
  readonly stateBytes?: number;
}

/** What waits for the next flush of a topic. */
interface Topic {
  waiting: Buffer<ArrayBuffer>[];
  window: NodeJS.Timeout | undefined;
}

const QUOTE = '"'.charCodeAt(0);
/** Where the load's messages have the name of their document. */
const NAME_AT = HEADER_BYTES + '{"documentId":"'.length;

const delay = Number(process.env['SYNC_BATCH_DELAY']);

let frameBytes = 256;
let stateBytes = HEADER_BYTES;
const topics = new Map<string, Topic>();

process.on('message', (message: unknown) => {
  if (typeof message === 'object' && message !== null && 'frameBytes' in message) {
    ({ frameBytes, stateBytes = HEADER_BYTES } = message as BareSettings);
  }
});

const app = uWS.App();
app.ws('/ws', {
  maxPayloadLength: 4 * 1024 * 1024,
  maxBackpressure: 1024 * 1024,
  closeOnBackpressureLimit: 1,
  sendPingsAutomatically: true,
  idleTimeout: 60,
  maxLifetime: 0,
  compression: uWS.DISABLED,
  message: (ws, message) => {
    const bytes = Buffer.from(message);
    if (bytes[0] === typeCodes.subscribe) {
      ws.subscribe(nameOf(bytes));
      ws.send(frameOf(typeCodes.sync_response, stateBytes), true);
    } else if (bytes[0] === typeCodes.delta) {
      hold(bytes);
    }
  },
});
app.listen('0.0.0.0', 0, (socket) => {
  if (socket === false) process.exit(1);
  console.log(JSON.stringify({ msg: 'listening', port: uWS.us_socket_local_port(socket) }));
});

function nameOf(message: Buffer): string {
  return message.toString('latin1', NAME_AT, message.indexOf(QUOTE, NAME_AT));
}

/** Keeps what a delta's frame needs until its flush. */
function hold(delta: Buffer): void {
  const name = nameOf(delta);
  let topic = topics.get(name);
  if (topic === undefined) topics.set(name, (topic = { waiting: [], window: undefined }));
  const frame = frameOf(typeCodes.delta, frameBytes);
  const mark = delta.indexOf('~', HEADER_BYTES);
  frame.set(delta.subarray(mark, mark + MARK_BYTES), HEADER_BYTES);
  topic.waiting.push(frame);
  if (topic.window === undefined && topic.waiting.length === 1) setImmediate(flush, name, topic);
}

function flush(name: string, topic: Topic): void {
  const frames = topic.waiting;
  topic.waiting = [];
  const now = Date.now();
  for (const frame of frames) {
    frame.writeBigInt64BE(BigInt(now), 1);
    app.publish(name, frame, true);
  }
  topic.window = setTimeout(() => {
    topic.window = undefined;
    if (topic.waiting.length > 0) flush(name, topic);
  }, delay);
}

function frameOf(type: number, length: number): Buffer<ArrayBuffer> {
  const frame = Buffer.alloc(length, 'x');
  frame[0] = type;
  frame.writeUInt32BE(length - HEADER_BYTES, 9);
  return frame;
}
