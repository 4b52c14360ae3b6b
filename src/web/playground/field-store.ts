/**
 * The fields of a document as this page holds them: what the server sent, and what the user wrote and is not acknowledged.
 * A field shows what its user wrote until the write is acknowledged; a value that came meanwhile waits for that.
 */

/** The clock of a message: numbers by client id. */
export type Clock = Readonly<Record<string, number>>;

/** A write as it is sent, and sent again until it is acknowledged. */
export interface Write {
  readonly field: string;
  readonly value: unknown;
  readonly counter: number;
  readonly clientId: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

interface Received {
  readonly value: unknown;
  /** The largest entry of its clock. */
  readonly stamp: number;
}

interface Field extends Received {
  /** What came while a write of the field was on its way. */
  readonly held?: Received | undefined;
}

/** Time for the server to send the last word about a field, after the ack of a write that something else crossed, in ms. */
const SETTLE_MS = 700;

export interface FieldStoreOptions {
  /** Of this page, and of no other. */
  readonly clientId: string;
  /** What the field shows has changed. */
  readonly onChanged: (field: string) => void;
  /** There is something to send. */
  readonly onWritten: () => void;
}

export class FieldStore {
  readonly #options: FieldStoreOptions;
  readonly #fields = new Map<string, Field>();
  /** What the server is known to have sent: the largest number of each entry of a clock. */
  readonly #seen = new Map<string, number>();
  /** Writes to be sent, and those on their way. */
  readonly #waiting = new Map<string, Write>();
  readonly #sent = new Map<string, Write>();
  readonly #settling = new Map<string, number>();
  #largest = 0;

  constructor(options: FieldStoreOptions) {
    this.#options = options;
  }

  /** Names of the fields that have a value. */
  get names(): string[] {
    return [...this.#fields].filter(([, { value }]) => !isRemoved(value)).map(([name]) => name);
  }

  /** Undefined for a field without a value. */
  get(name: string): unknown {
    const value = this.#fields.get(name)?.value;
    return isRemoved(value) ? undefined : value;
  }

  /** What is not acknowledged. */
  get unacknowledged(): readonly Write[] {
    return [...new Map([...this.#sent, ...this.#waiting]).values()];
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** For the request of what this page lacks; undefined when it knows nothing yet. */
  get vector(): Clock | undefined {
    return this.#seen.size === 0 ? undefined : Object.fromEntries(this.#seen);
  }

  /** The user writes a value; `removed` removes the field. */
  write(field: string, value: unknown): void {
    const { clientId, onChanged, onWritten } = this.#options;
    const counter = ++this.#largest;
    this.#waiting.set(field, { field, value, counter, clientId, timestamp: Date.now() });
    this.#stopSettling(field);
    this.#fields.set(field, { value, stamp: counter });
    onChanged(field);
    onWritten();
  }

  /** Takes up a write of an earlier page that is not known to be stored. */
  restore(write: Write): void {
    if (this.#waiting.has(write.field)) return;
    this.#waiting.set(write.field, write);
    this.#largest = Math.max(this.#largest, write.counter);
    this.#fields.set(write.field, { value: write.value, stamp: write.counter });
    this.#options.onChanged(write.field);
  }

  receive(field: string, value: unknown, clock: Clock): void {
    this.see(clock);
    const stamp = Math.max(...Object.values(clock), 0);
    const known = this.#fields.get(field);
    if (known !== undefined && stamp <= (known.held ?? known).stamp) return;
    if (known !== undefined && this.#isOnItsWay(field)) {
      this.#fields.set(field, { ...known, held: { value, stamp } });
      return;
    }
    this.#stopSettling(field);
    this.#show(field, { value, stamp });
  }

  /** All there is: other fields are gone, except those that are being written. */
  receiveAll(state: Readonly<Record<string, unknown>>, clock: Clock): void {
    for (const name of ['#', '#+']) this.#seen.delete(name);
    for (const [field, value] of Object.entries(state)) this.receive(field, value, clock);
    this.see(clock);
    for (const field of this.#fields.keys()) {
      if (Object.hasOwn(state, field) || this.#isOnItsWay(field)) continue;
      this.#fields.delete(field);
      this.#options.onChanged(field);
    }
  }

  /** Notes what a message shows that the server has sent. */
  see(clock: Clock): void {
    for (const [name, count] of Object.entries(clock)) {
      this.#seen.set(name, Math.max(count, this.#seen.get(name) ?? 0));
      this.#largest = Math.max(this.#largest, count);
    }
  }

  /** What is to be sent, so many writes at most; from now on they are on their way. */
  take(most = Infinity): readonly Write[] {
    const writes = [...this.#waiting.values()].slice(0, most);
    for (const write of writes) {
      this.#sent.set(write.field, write);
      this.#waiting.delete(write.field);
    }
    return writes;
  }

  /** What was on its way is stored. */
  acknowledged(): void {
    const fields = [...this.#sent.keys()];
    this.#sent.clear();
    for (const field of fields) {
      if (this.#waiting.has(field) || this.#fields.get(field)?.held === undefined) continue;
      // Who came first is not known here. If the server has to say more about it, that comes soon.
      const timer = setTimeout(() => {
        this.#settle(field);
      }, SETTLE_MS);
      this.#settling.set(field, timer);
    }
  }

  /** What was on its way may not have arrived: it is sent again, unless the user wrote the field meanwhile. */
  lost(): void {
    for (const [field, write] of this.#sent) if (!this.#waiting.has(field)) this.#waiting.set(field, write);
    this.#sent.clear();
  }

  /** The server does not take what was on its way: what it has instead must be asked for anew. */
  refused(): void {
    const fields = [...this.#sent.keys()];
    this.#sent.clear();
    this.#seen.clear();
    for (const field of fields) {
      if (this.#waiting.has(field)) continue;
      this.#fields.delete(field);
      this.#options.onChanged(field);
    }
  }

  #settle(field: string): void {
    this.#stopSettling(field);
    const held = this.#fields.get(field)?.held;
    if (held !== undefined && !this.#isOnItsWay(field)) this.#show(field, held);
  }

  #stopSettling(field: string): void {
    clearTimeout(this.#settling.get(field));
    this.#settling.delete(field);
  }

  #isOnItsWay(field: string): boolean {
    return this.#waiting.has(field) || this.#sent.has(field);
  }

  #show(field: string, received: Received): void {
    this.#fields.set(field, received);
    this.#options.onChanged(field);
  }
}

/** The value that removes a field. */
export const removed = { __deleted: true } as const;

function isRemoved(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && '__deleted' in value);
}
