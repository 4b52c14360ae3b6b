/** A client that stays: it connects, subscribes to one document, writes, counts what arrives, and comes back when cut off. */
import { WebSocket } from 'k6/websockets';
import { clearTimeout, setTimeout } from 'k6/timers';
import * as metrics from './metrics.js';
import { decode, encode, types } from './protocol.js';
import { Acknowledged, Replica } from './replica.js';
import { headers, sampling, url, valueBytes } from './settings.js';

/** SDKs wait as long for an ack, and as long again for a connection. */
const ACK_LIMIT_MS = 5_000;
const JOIN_LIMIT_MS = 10_000;
const LONGEST_PAUSE_MS = 5_000;
/** An update that the final answer already holds may come a little later. */
const GRACE_MS = 1_000;
const CLOSE_TRY_LATER = 1013;

const padding = 'x'.repeat(valueBytes);

export class Client {
  #options;
  #socket;
  #open = false;
  /** From `join` to `leave`. */
  #present = false;
  /** When the document was received on this connection; 0 while it was not. */
  #joinedAt = 0;
  #joinStarted = 0;
  #attempts = 0;
  #timer;
  #replica = new Replica();
  #acknowledged = new Acknowledged();
  /** Writes without an ack, by message id. */
  #pending = new Map();
  #count = 0;
  #samples = 0;
  #leaving;

  /**
   * @param options `{name, documentId, ring, tolerant}`: the name of the writer, and over how many fields it spreads its
   * writes. A tolerant client expects to lose its connection: neither that nor an attempt that failed is an error, as
   * long as it is back in time.
   */
  constructor(options) {
    this.#options = options;
  }

  /** Connects, and keeps at it until `leave`. */
  join() {
    this.#present = true;
    this.#joinStarted = Date.now();
    this.#attempts = 0;
    this.#connect();
  }

  /** Writes the next value; does nothing while the client is not there. */
  write() {
    if (!this.#present || this.#joinedAt === 0) return;
    const { name, documentId, ring } = this.#options;
    const count = ++this.#count;
    const sentAt = Date.now();
    const value = { writer: name, count, sentAt };
    if (valueBytes > 0) value.padding = padding;
    const field = `${name}.${count % ring}`;
    const messageId = `${name}-${count}`;
    const write = { documentId, field, value, clock: { [name]: count }, clientId: name, messageId };
    this.#pending.set(messageId, { write, sentAt, again: false });
    metrics.writes.add(1);
    this.#send(types.delta, write, sentAt);
  }

  /** Drops the connection and comes back at once. */
  drop() {
    if (!this.#present || this.#joinedAt === 0) return;
    const socket = this.#socket;
    this.#forget();
    socket.close();
    metrics.reconnects.add(1);
    this.join();
  }

  /** Compares the updates it received with what the server holds, and leaves. `then` is called afterwards. */
  leave(then) {
    this.#present = false;
    const timer = setTimeout(() => {
      metrics.problem('no final answer');
      this.#close();
      then();
    }, JOIN_LIMIT_MS);
    this.#leaving = (state) => {
      clearTimeout(timer);
      this.#leaving = undefined;
      metrics.lose(this.#acknowledged.missing(state), 'acknowledged, and not there in the end');
      setTimeout(() => {
        metrics.lose(this.#replica.missing(state), 'there in the end, and never sent');
        this.#close();
        then();
      }, GRACE_MS);
    };
    if (this.#joinedAt > 0) this.#askForAll();
  }

  #askForAll() {
    this.#send(types.sync_step1, { id: 'all', documentId: this.#options.documentId, stateVector: {} });
  }

  #connect() {
    const socket = new WebSocket(url, null, { headers });
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#replica.restart();
    const on = (event, handle) => {
      socket.addEventListener(event, (details) => {
        if (this.#socket === socket) handle(details);
      });
    };
    socket.addEventListener('open', () => {
      if (this.#socket === socket) this.#opened();
      else socket.close();
    });
    on('message', (event) => {
      try {
        this.#receive(event);
      } catch (error) {
        metrics.problem('unreadable message', error);
      }
    });
    on('close', (event) => {
      this.#closed(event.code);
    });
  }

  #opened() {
    this.#open = true;
    this.#send(types.subscribe, { id: 'join', documentId: this.#options.documentId });
  }

  /** The server has closed the connection, or it broke, or it never came to be. */
  #closed(code) {
    const wasOpen = this.#open;
    const wasJoined = this.#joinedAt > 0;
    this.#forget();
    if (wasJoined) {
      this.#joinStarted = Date.now();
      this.#attempts = 0;
    }
    if (!this.#options.tolerant) metrics.problem(wasOpen ? `closed with ${code ?? 'no code'}` : 'not connected');
    metrics.reconnects.add(1);
    const pause = Math.min(LONGEST_PAUSE_MS, 100 * 2 ** this.#attempts++);
    const least = code === CLOSE_TRY_LATER ? LONGEST_PAUSE_MS : 0;
    this.#timer = setTimeout(() => this.#connect(), least + Math.random() * pause);
  }

  #forget() {
    this.#open = false;
    this.#joinedAt = 0;
    this.#socket = undefined;
  }

  #receive(event) {
    const { type, payload } = decode(event.data);
    // When the frame was read, not when the script got to it.
    const now = event.timestamp;
    if (type === types.delta) this.#update(payload, now);
    else if (type === types.delta_batch) for (const change of payload.deltas) this.#update(change, now);
    else if (type === types.ack) this.#ack(payload.messageId, now);
    else if (type === types.sync_response) this.#synced(payload, now);
    else if (type === types.sync_step2) this.#leaving?.(stateOf(payload.operations));
    else if (type === types.error || type === types.auth_error) this.#refused(payload);
  }

  #update({ value }, now) {
    const missing = this.#replica.update(value);
    if (missing < 0) return;
    metrics.deliveries.add(1);
    metrics.lose(missing, 'left out of the updates');
    // Latencies of updates written while this client was away would measure its absence.
    const wasHere = this.#joinedAt > 0 && value.sentAt >= this.#joinedAt;
    if (wasHere && this.#samples++ % sampling === 0) metrics.fanoutLatency.add(Math.max(0, now - value.sentAt));
  }

  #ack(messageId, now) {
    const pending = this.#pending.get(messageId);
    if (pending === undefined) return;
    this.#pending.delete(messageId);
    const { write, sentAt, again } = pending;
    this.#acknowledged.add(write.field, write.value.count);
    const latency = Math.max(0, now - sentAt);
    metrics.acked.add(again || latency <= ACK_LIMIT_MS);
    if (!again) metrics.ackLatency.add(latency);
  }

  #synced({ state }, now) {
    this.#replica.receive(state);
    metrics.lose(this.#acknowledged.missing(state), 'acknowledged, and not there after a reconnect');
    const latency = Math.max(0, now - this.#joinStarted);
    metrics.joinLatency.add(latency);
    metrics.joined.add(latency <= JOIN_LIMIT_MS);
    this.#joinedAt = now;
    this.#attempts = 0;
    for (const pending of this.#pending.values()) {
      pending.again = true;
      this.#send(types.delta, pending.write, pending.sentAt);
    }
    if (this.#leaving !== undefined) this.#askForAll();
  }

  #refused({ error, details }) {
    metrics.problem(details?.code ?? 'auth_error', error);
    if (this.#pending.delete(details?.messageId)) metrics.acked.add(false);
  }

  #close() {
    this.#leaving = undefined;
    clearTimeout(this.#timer);
    if (this.#joinedAt === 0) metrics.joined.add(false);
    for (let left = this.#pending.size; left > 0; left--) metrics.acked.add(false);
    if (this.#pending.size > 0) metrics.problem('no ack');
    this.#pending.clear();
    // Closing one that is still connecting would block the VU.
    if (this.#open) this.#socket.close();
    this.#forget();
  }

  #send(type, payload, timestamp = Date.now()) {
    if (this.#open) this.#socket.send(encode(type, payload, timestamp));
  }
}

/** Values by field. */
function stateOf(operations) {
  return Object.fromEntries(operations.map(({ field, value }) => [field, value]));
}
