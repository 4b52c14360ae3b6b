/** One connection for scripts that go step by step: send, then wait for what must come. */
import { WebSocket } from 'k6/websockets';
import { clearTimeout, setTimeout } from 'k6/timers';
import { decode, encode, types } from './protocol.js';
import { headers, url } from './settings.js';

const PATIENCE_MS = 5_000;
const names = new Map(Object.entries(types).map(([name, code]) => [code, name]));

export class Conversation {
  #socket;
  /** What came and nobody has asked for yet. */
  #unread = [];
  #waiting = [];
  #ids = 0;

  /** Rejects when there is no connection. */
  static open() {
    const conversation = new Conversation();
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, null, { headers });
      socket.binaryType = 'arraybuffer';
      conversation.#socket = socket;
      socket.addEventListener('open', () => resolve(conversation));
      socket.addEventListener('error', ({ error }) => reject(new Error(error)));
      socket.addEventListener('message', (event) => conversation.#receive(event));
      socket.addEventListener('close', () => conversation.#end());
    });
  }

  /** Sends a message; its id. */
  send(type, payload) {
    const id = `${++this.#ids}`;
    this.#socket.send(encode(types[type], { id, ...payload }));
    return id;
  }

  /** The next message of this type that matches, with `arrivedAt`. Rejects when it does not come. */
  receive(type, matches = () => true) {
    const wanted = (message) => message.type === type && matches(message);
    const index = this.#unread.findIndex(wanted);
    if (index >= 0) return Promise.resolve(this.#unread.splice(index, 1)[0]);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${type} came`)), PATIENCE_MS);
      const give = (message) => {
        clearTimeout(timer);
        resolve(message);
      };
      const end = () => {
        clearTimeout(timer);
        reject(new Error(`the connection ended before ${type} came`));
      };
      this.#waiting.push({ wanted, give, end });
    });
  }

  /** Sends, and waits for the answer. */
  ask(type, payload, answer, matches) {
    this.send(type, payload);
    return this.receive(answer, matches);
  }

  /** Whether a message of this type has come that nobody has asked for. */
  hasUnread(type) {
    return this.#unread.some((message) => message.type === type);
  }

  /** Forgets what came so far. */
  skip() {
    this.#unread = [];
  }

  close() {
    this.#socket.close();
  }

  #receive(event) {
    const { type, payload } = decode(event.data);
    const message = { ...payload, type: names.get(type) ?? type, arrivedAt: event.timestamp };
    const index = this.#waiting.findIndex(({ wanted }) => wanted(message));
    if (index < 0) this.#unread.push(message);
    else this.#waiting.splice(index, 1)[0].give(message);
  }

  #end() {
    for (const { end } of this.#waiting.splice(0)) end();
  }
}
