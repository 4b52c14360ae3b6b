/** A field document as an SDK client holds it: the rules of crdt-core.md 1.1 and 1.3, values and clocks included. */
import { COMMITS_ENTRY, SHOWN_ENTRY } from '../../../src/protocol/claims.js';

/** A vector clock as it is sent. */
export type Clock = Readonly<Record<string, number>>;

interface Register {
  readonly value: unknown;
  readonly clock: number;
  readonly clientId: string;
}

export class ModelDocument {
  readonly #fields = new Map<string, Register>();
  readonly #vector = new Map<string, number>();

  readonly #byArrival: boolean;
  /** What happened to each field, for whom a difference puzzles. */
  readonly #history = new Map<string, string[]>();

  /**
   * @param counts What its vector clock starts with.
   * @param byArrival Whether the last that came counts, its own writes included: a client without a clock can't compare.
   */
  constructor(counts: Clock = {}, byArrival = false) {
    this.#byArrival = byArrival;
    this.#vector = new Map(Object.entries(counts));
  }

  /** Everything that it has seen in clocks, as an SDK keeps and sends it. */
  get vector(): Clock {
    return Object.fromEntries(this.#vector);
  }

  /** The fields that are there, names sorted, as comparable JSON. */
  get live(): string {
    const live = [...this.#fields].filter(([, { value }]) => !isDeleted(value));
    return canonical(Object.fromEntries(live.map(([field, { value }]) => [field, value])));
  }

  get fields(): string[] {
    return [...this.#fields.keys()];
  }

  /** What was written to a field here and what came for it, in order. */
  historyOf(field: string): readonly string[] {
    return this.#history.get(field) ?? [];
  }

  get(field: string): unknown {
    const value = this.#fields.get(field)?.value;
    return isDeleted(value) ? undefined : value;
  }

  /** A write of this client's own; returns the clock that it is sent with. */
  write(clientId: string, changes: Iterable<readonly [field: string, value: unknown]>): Clock {
    const counter = (this.#vector.get(clientId) ?? 0) + 1;
    this.#vector.set(clientId, counter);
    for (const [field, value] of changes) this.#put(field, { value, clock: counter, clientId }, 'writes');
    return Object.fromEntries(this.#vector);
  }

  /** A value from the server. @throws When its clock is one that an SDK client throws on. */
  receive(field: string, value: unknown, clock: unknown, clientId: string): void {
    const top = this.#raise(clock);
    if (top === undefined) throw new Error(`ORD5: a value of ${field} came with the clock ${JSON.stringify(clock)}`);
    this.#put(field, { value, clock: top, clientId }, `gets ${JSON.stringify(clock)}`);
  }

  /**
   * A whole state. A field that it lacks was removed, unless the client has a newer value: SDKs keep it, but a client
   * that asks for a state without a vector can learn of removals in no other way.
   */
  receiveState(state: Readonly<Record<string, unknown>>, clock: unknown): void {
    // What it replaces is forgotten, and with it what the client was known to have.
    for (const entry of [COMMITS_ENTRY, SHOWN_ENTRY]) this.#vector.delete(entry);
    const top = this.#raise(clock);
    if (top === undefined) throw new Error(`ORD6: a state came with the clock ${JSON.stringify(clock)}`);
    const named = new Set(Object.keys(state));
    for (const field of this.#fields.keys()) {
      if (!named.has(field))
        this.#put(field, { value: { __deleted: true }, clock: top, clientId: 'server' }, 'finds no');
    }
    for (const [field, value] of Object.entries(state)) {
      this.#put(field, { value, clock: top, clientId: 'server' }, 'finds');
    }
  }

  /** Takes over a clock that came without a value. @throws As `receive`. */
  raise(clock: unknown): void {
    if (this.#raise(clock) === undefined) throw new Error(`ORD6: the clock ${JSON.stringify(clock)}`);
  }

  /** Returns the largest entry, undefined when there is none or one is not a count. */
  #raise(clock: unknown): number | undefined {
    if (typeof clock !== 'object' || clock === null) return undefined;
    const entries = Object.entries(clock as Record<string, unknown>);
    let top: number | undefined;
    for (const [clientId, count] of entries) {
      if (!Number.isSafeInteger(count) || (count as number) < 0) return undefined;
      top = Math.max(top ?? 0, count as number);
      this.#vector.set(clientId, Math.max(this.#vector.get(clientId) ?? 0, count as number));
    }
    return top;
  }

  #put(field: string, write: Register, how: string): void {
    const held = this.#fields.get(field);
    const isShown = held === undefined || this.#byArrival || isGreater(write, held);
    if (isShown) this.#fields.set(field, write);
    let history = this.#history.get(field);
    if (history === undefined) this.#history.set(field, (history = []));
    history.push(`${Date.now()} ${how} ${JSON.stringify(write)}${isShown ? '' : ' (hidden)'}`);
  }
}

/** Whether a value removes its field. */
export function isDeleted(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as Record<string, unknown>)['__deleted'] === true;
}

/** JSON with the keys of objects sorted by bytes at every level. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => compareBytes(a, b));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

/** Compares strings by their UTF-8 bytes. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isGreater(a: Register, b: Register): boolean {
  if (a.clock !== b.clock) return a.clock > b.clock;
  const byClient = compareBytes(a.clientId, b.clientId);
  return (byClient === 0 ? compareBytes(canonical(a.value), canonical(b.value)) : byClient) > 0;
}
