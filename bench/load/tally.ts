import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Counts, Latency } from './commands.js';

/** Counts what comes, from `reset` to `read`. */
export class Tally {
  /** Updates of one field, in whatever frame. */
  updates = 0;
  /** Frames that hold updates. */
  updateFrames = 0;
  updateBytes = 0;
  /** As they came off the sockets, whatever they were. */
  wireBytes = 0;
  acks = 0;
  writes = 0;
  errors = 0;
  /** Turns of the server that the first client was sent updates in, and the frames that it got in them. */
  turns = 0;
  turnFrames = 0;
  readonly fanout = createHistogram();
  readonly ack = createHistogram();

  reset(): void {
    this.updates = this.updateFrames = this.updateBytes = this.wireBytes = this.acks = this.writes = this.errors = 0;
    this.turns = this.turnFrames = 0;
    this.fanout.reset();
    this.ack.reset();
  }

  read(): Counts {
    const { updates, updateFrames, updateBytes, wireBytes, acks, writes, errors, turns, turnFrames } = this;
    return {
      updates,
      updateFrames,
      updateBytes,
      wireBytes,
      acks,
      writes,
      errors,
      turns,
      turnFrames,
      fanout: latencyOf(this.fanout),
      ack: latencyOf(this.ack),
    };
  }
}

/** In ms, of a histogram in microseconds. */
export function latencyOf(histogram: RecordableHistogram): Latency {
  if (histogram.count === 0) return { p50: 0, p95: 0, p99: 0, max: 0 };
  const [p50, p95, p99] = [50, 95, 99].map((percent) => histogram.percentile(percent) / 1_000) as [
    number,
    number,
    number,
  ];
  return { p50, p95, p99, max: histogram.max / 1_000 };
}
