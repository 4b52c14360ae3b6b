/** A feed in a thread of its own, as a thread may open a folder only once. */
import { parentPort, workerData } from 'node:worker_threads';
import { openLmdbChanges } from '../../../src/storage/lmdb/changes/feed.js';
import type { ChangeFeed } from '../../../src/storage/changes/port.js';

const feed = openLmdbChanges({ directory: workerData as string });

export interface FeedCall {
  readonly number: number;
  readonly method: keyof ChangeFeed;
  readonly argument: unknown;
}

parentPort?.on('message', ({ number, method, argument }: FeedCall) => {
  const call = feed[method].bind(feed) as (argument: unknown) => Promise<unknown>;
  call(argument).then(
    (result) => {
      parentPort?.postMessage({ number, result });
      if (method === 'close') parentPort?.close();
    },
    (error: unknown) => {
      parentPort?.postMessage({ number, error });
    },
  );
});
