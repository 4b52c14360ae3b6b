/** What happened at the door since the start. */
export interface Counters {
  /** Connections that were accepted. */
  opened: number;
  /** Connections refused for want of room, in all or from one address. */
  refused: number;
  /** Connections ended because they did not read what they were sent. */
  slowConsumers: number;
  /** Messages answered with an error by the acceptor. */
  faults: number;
  /** Messages over a limit of rate or room. */
  limited: number;
}

export function newCounters(): Counters {
  return { opened: 0, refused: 0, slowConsumers: 0, faults: 0, limited: 0 };
}
