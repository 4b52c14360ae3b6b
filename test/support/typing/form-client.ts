/** What a form sees of its client: the fields that it shows and writes. */
export interface FormClient {
  readonly clientId: string;
  /** Writes that the server has not acknowledged. */
  readonly unacked: number;
  /** What came that such a client does not expect. */
  readonly problems: readonly string[];
  /** What the field shows; undefined when it is not there. */
  get(field: string): unknown;
  set(field: string, value: unknown): void;
  /** Called whenever what is shown may have changed. */
  onShown(listener: () => void): void;
  /** Called for each acknowledgement. */
  onAck(listener: () => void): void;
  close(): void;
}

export interface FormClientOptions {
  readonly url: string;
  readonly documentId: string;
  readonly clientId: string;
}

/** Listeners of a form client. */
export class Listeners {
  readonly #shown: (() => void)[] = [];
  readonly #ack: (() => void)[] = [];

  onShown(listener: () => void): void {
    this.#shown.push(listener);
  }

  onAck(listener: () => void): void {
    this.#ack.push(listener);
  }

  shown(): void {
    for (const listener of this.#shown) listener();
  }

  acked(): void {
    for (const listener of this.#ack) listener();
  }
}
