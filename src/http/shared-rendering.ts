/** Renders the metrics. */
export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
}

/** For so long a rendering is shared by all who ask, in ms. */
const SHARED_MS = 1_000;

/** Renders the metrics at most once a second: it takes some milliseconds of the thread that serves all connections. */
export class SharedRendering {
  readonly #source: MetricsSource;
  #rendering: Promise<Buffer> | undefined;
  /** Of the rendering, in ms of the monotonic clock. */
  #startedAt = 0;

  constructor(source: MetricsSource) {
    this.#source = source;
  }

  get contentType(): string {
    return this.#source.contentType;
  }

  /** @param now Milliseconds of the monotonic clock. @throws What the source throws; then the next call tries again. */
  render(now = performance.now()): Promise<Buffer> {
    if (this.#rendering === undefined || now - this.#startedAt >= SHARED_MS) {
      this.#startedAt = now;
      const rendering = this.#source.render().then((text) => Buffer.from(text));
      this.#rendering = rendering;
      rendering.catch(() => {
        if (this.#rendering === rendering) this.#rendering = undefined;
      });
    }
    return this.#rendering;
  }
}
