/** What the thread of the changes runs: Piscina calls the default export with each request. */
import { workerData } from 'piscina';
import type { ChangeFeed } from '../storage/changes/port.js';
import { openFeed } from './open-feed.js';
import { Pruning } from './pruning.js';
import type { ChangesAnswer, ChangesRequest, ChangesResults, ChangesThreadData } from './requests.js';

const { storage, run, retention } = workerData as ChangesThreadData;

interface Open {
  readonly feed: ChangeFeed;
  readonly pruning: Pruning;
}

let opening: Promise<Open> | undefined;

export default async function handle(request: ChangesRequest): Promise<ChangesAnswer> {
  try {
    return { ok: true, result: await resultOf(request) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function resultOf(request: ChangesRequest): Promise<ChangesResults[keyof ChangesResults]> {
  if (request.kind === 'close') {
    const { feed, pruning } = (await opening) ?? {};
    await pruning?.stop();
    await feed?.close();
    return undefined;
  }
  opening ??= open();
  const { feed, pruning } = await opened(opening);
  switch (request.kind) {
    case 'start':
      return undefined;
    case 'read':
      return feed.read(request.request);
    case 'end':
      return feed.end();
    case 'newest':
      return feed.newest();
    case 'status':
      return { pruned: pruning.takePruned() };
  }
}

/** A failure is of one request: the next one tries anew. */
async function opened(attempt: Promise<Open>): Promise<Open> {
  try {
    return await attempt;
  } catch (error) {
    opening = undefined;
    throw error;
  }
}

async function open(): Promise<Open> {
  const feed = await openFeed(storage, run);
  const pruning = new Pruning({ feed, ...retention, keepAfter: () => undefined, onFailed: () => undefined });
  pruning.start();
  return { feed, pruning };
}
