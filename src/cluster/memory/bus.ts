/** A bus between nodes in one process, for tests. It can lose and delay messages and connections like a network. */
import { NumberedBus, type BusOptions } from '../numbered-bus.js';
import type { Bus } from '../port.js';
import type { Transport, TransportEvents } from '../transport.js';

/** Connects the buses of one cluster. */
export class MemoryHub {
  /** Called for each message, tails included. @returns Whether it is lost. */
  loses: () => boolean = () => false;
  /** Transit time of a message, in ms. */
  delayMs = 0;
  readonly #transports = new Map<Bus, MemoryTransport>();
  /** The transports that are connected. */
  readonly #members = new Set<MemoryTransport>();

  /** A bus that connects in the next turn of the event loop. */
  open(options: BusOptions): Bus {
    let transport: MemoryTransport | undefined;
    const bus = new NumberedBus(options, (events) => (transport = new MemoryTransport(this.#members, this, events)));
    if (transport !== undefined) {
      this.#transports.set(bus, transport);
      transport.connect();
    }
    return bus;
  }

  /** Disconnects a bus, or all of them, like a network that is down. */
  disconnect(bus?: Bus): void {
    for (const transport of this.#transportsOf(bus)) transport.disconnect();
  }

  /** Connects a bus, or all of them, again. */
  connect(bus?: Bus): void {
    for (const transport of this.#transportsOf(bus)) transport.connect();
  }

  /** Sends bytes as some other node would. */
  inject(channel: string, bytes: Uint8Array): void {
    for (const member of this.#members) member.deliver(channel, bytes);
  }

  #transportsOf(bus: Bus | undefined): Iterable<MemoryTransport> {
    if (bus === undefined) return this.#transports.values();
    const transport = this.#transports.get(bus);
    return transport === undefined ? [] : [transport];
  }
}

class MemoryTransport implements Transport {
  readonly #members: Set<MemoryTransport>;
  readonly #hub: Pick<MemoryHub, 'delayMs' | 'loses'>;
  readonly #events: TransportEvents;
  /** Channels that are subscribed, and whether each is active. */
  readonly #wanted = new Map<string, boolean>();
  #lostAt = 0;
  #closed = false;

  constructor(members: Set<MemoryTransport>, hub: Pick<MemoryHub, 'delayMs' | 'loses'>, events: TransportEvents) {
    this.#members = members;
    this.#hub = hub;
    this.#events = events;
  }

  connect(): void {
    if (this.#closed || this.#members.has(this)) return;
    this.#members.add(this);
    this.#later(() => {
      if (!this.#members.has(this)) return;
      this.#events.status(true);
      this.#events.resumed(this.#lostAt);
      this.#activate([...this.#wanted.keys()]);
    });
  }

  disconnect(): void {
    if (!this.#members.delete(this)) return;
    this.#lostAt = performance.now();
    const active = [...this.#wanted].filter(([, isActive]) => isActive).map(([channel]) => channel);
    for (const channel of active) this.#wanted.set(channel, false);
    this.#later(() => {
      if (this.#members.has(this)) return;
      this.#events.lost(active);
      this.#events.status(false);
    });
  }

  send(channel: string, bytes: Uint8Array): boolean {
    if (!this.#members.has(this)) return false;
    if (this.#hub.loses()) return true;
    for (const member of this.#members) member.deliver(channel, bytes);
    return true;
  }

  subscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#wanted.set(channel, false);
    if (!this.#members.has(this)) return;
    this.#later(() => {
      this.#activate(channels);
    });
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#wanted.delete(channel);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#members.delete(this);
    return Promise.resolve();
  }

  deliver(channel: string, bytes: Uint8Array): void {
    if (this.#wanted.get(channel) !== true) return;
    this.#later(() => {
      if (this.#wanted.get(channel) === true) this.#events.message(channel, bytes);
    }, this.#hub.delayMs);
  }

  #activate(channels: readonly string[]): void {
    if (!this.#members.has(this)) return;
    const waiting = channels.filter((channel) => this.#wanted.get(channel) === false);
    for (const channel of waiting) this.#wanted.set(channel, true);
    if (waiting.length > 0) this.#events.active(waiting);
  }

  /** Runs after the present call: a transport raises no event from within a call. */
  #later(run: () => void, delayMs = 0): void {
    const unlessClosed = (): void => {
      if (!this.#closed) run();
    };
    if (delayMs === 0) setImmediate(unlessClosed);
    else setTimeout(unlessClosed, delayMs);
  }
}
