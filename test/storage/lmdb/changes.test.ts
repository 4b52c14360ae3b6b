import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ChangeFeed } from '../../../src/storage/changes/port.js';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import { changesContract, type OpenedChanges } from '../../contract/changes.js';
import type { FeedCall } from './feed-thread.js';
import { makeFolder, removeFolder } from './temporary-folder.js';

changesContract('LMDB', async () => {
  const directory = await makeFolder();
  let close: () => Promise<void>;
  const open = (recordsChanges: boolean): OpenedChanges => {
    const storage = openLmdbStorage({ directory, recordsChanges });
    const feed = recordsChanges ? feedOf(directory) : undefined;
    close = async () => {
      await feed?.close();
      await storage.close();
    };
    return {
      storage,
      // Nobody reads where nothing is recorded.
      feed: feed!,
      reopen: async (isRecorded) => {
        await close();
        return open(isRecorded);
      },
      cleanup: async () => {
        await close();
        await removeFolder(directory);
      },
    };
  };
  return open(true);
});

function feedOf(directory: string): ChangeFeed {
  const thread = new Worker(fileURLToPath(new URL('feed-thread.js', import.meta.url)), { workerData: directory });
  const exit = once(thread, 'exit');
  const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  thread.on('message', ({ number, result, error }: { number: number; result?: never; error?: Error }) => {
    if (error === undefined) waiting.get(number)?.resolve(result as never);
    else waiting.get(number)?.reject(error);
  });
  const ask = (method: keyof ChangeFeed, argument?: unknown): Promise<never> =>
    new Promise((resolve, reject) => {
      const number = waiting.size;
      waiting.set(number, { resolve, reject });
      thread.postMessage({ number, method, argument } satisfies FeedCall);
    });
  return {
    read: (request) => ask('read', request),
    end: () => ask('end'),
    newest: () => ask('newest'),
    prune: (request) => ask('prune', request),
    close: async () => {
      await ask('close');
      await exit;
    },
  };
}
