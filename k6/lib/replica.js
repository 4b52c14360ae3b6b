/**
 * What one subscriber received of a document, and what is missing. Each writer numbers its writes and spreads them
 * over a ring of fields, so that no two writes of one moment share a field and the server may not send them as one: then
 * every single write has to arrive, and a gap in the numbers is an update that was lost.
 */

export class Replica {
  /** The largest number received, by writer. */
  #received = new Map();
  /** Whether the document was received on this connection: only then is the next update known to be the next write. */
  #whole = false;

  /** The connection is a new one: nobody knows what was missed. */
  restart() {
    this.#whole = false;
  }

  /** Adds an update. Returns how many before it are missing, or -1 when it is not new. */
  update({ writer, count }) {
    const received = this.#received.get(writer) ?? 0;
    if (count <= received) return -1;
    this.#received.set(writer, count);
    return this.#whole ? count - received - 1 : 0;
  }

  /** Adds a received state. */
  receive(state) {
    for (const [writer, count] of newest(state)) {
      if (count > (this.#received.get(writer) ?? 0)) this.#received.set(writer, count);
    }
    this.#whole = true;
  }

  /** How many updates differ between what was received and this state: both must be the same once all has arrived. */
  missing(state) {
    let missing = 0;
    for (const [writer, count] of newest(state)) missing += Math.max(0, count - (this.#received.get(writer) ?? 0));
    return missing;
  }
}

function newest(state) {
  const counts = new Map();
  for (const { writer, count } of Object.values(state)) {
    if (count > (counts.get(writer) ?? 0)) counts.set(writer, count);
  }
  return counts;
}

/** The writes of one writer that were acknowledged, so that the server has them for good. */
export class Acknowledged {
  #counts = new Map();

  add(field, count) {
    if (count > (this.#counts.get(field) ?? 0)) this.#counts.set(field, count);
  }

  /** How many fields of this state are older than what was acknowledged. */
  missing(state) {
    let missing = 0;
    for (const [field, count] of this.#counts) if ((state[field]?.count ?? 0) < count) missing++;
    return missing;
  }
}
