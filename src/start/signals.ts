/**
 * Signals from the first moment on: as process 1 of a container, a process that has no handler does not get them, and
 * would be killed when the time to stop is over.
 */

/** @param signal Its name, or `shutdown` for the message of PM2. */
type Stop = (signal: string) => void;

// Nothing was accepted yet, so there is nothing to drain.
let stop: Stop = () => {
  process.exit(0);
};

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    stop(signal);
  });
}
process.on('message', (message) => {
  if (message === 'shutdown') stop('shutdown');
});

/** From now on, signals are handled so. */
export function onStop(handler: Stop): void {
  stop = handler;
}

/** Stops as a signal does. @param reason For the log, instead of its name. */
export function stopFor(reason: string): void {
  stop(reason);
}

/**
 * Ends the process without waiting for its threads, which `process.exit` does: for one that waits for LMDB or the kernel,
 * without end.
 */
export function endAtOnce(): never {
  process.kill(process.pid, 'SIGKILL');
  // Process 1 of a container can't kill itself so.
  process.abort();
}
