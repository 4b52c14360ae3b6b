/** Upper bounds of histogram buckets, ascending, without +Inf. */

/** For latencies that users notice: half a millisecond to ten seconds. In seconds. */
export const latencies = [
  0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5,
  10,
];
/** For work of a thread: ten microseconds to one second. In seconds. */
export const durations = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
];
/** For sizes of batches. */
export const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
