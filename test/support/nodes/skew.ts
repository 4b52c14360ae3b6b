/**
 * Loaded into a server before its own code (`--import`), in each of its threads: its wall clock is off by
 * SYNCKIT_TEST_SKEW_MS. The clocks that only measure (`performance.now`, timers) are as they were.
 */
const skewMs = Number(process.env['SYNCKIT_TEST_SKEW_MS'] ?? 0);
const trueNow = Date.now;
const TrueDate = Date;

class SkewedDate extends TrueDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(SkewedDate.now());
    else super(...given);
  }

  static override now(): number {
    return trueNow() + skewMs;
  }
}

globalThis.Date = SkewedDate as DateConstructor;
