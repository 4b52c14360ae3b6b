/** What the thread of the changes runs: Piscina calls the default export with each request. */
import { workerData } from 'piscina';
import type { ChangesAnswer, ChangesRequest, ChangesResults, ChangesThreadData } from './requests.js';
import { ChangesWork } from './work.js';

let opening: Promise<ChangesWork> | undefined;

export default async function handle(request: ChangesRequest): Promise<ChangesAnswer> {
  try {
    return { ok: true, result: await resultOf(request) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function resultOf(request: ChangesRequest): Promise<ChangesResults[keyof ChangesResults]> {
  if (request.kind === 'close') {
    await (await opening)?.close();
    return undefined;
  }
  const work = await (opening ??= ChangesWork.open(workerData as ChangesThreadData));
  switch (request.kind) {
    case 'start':
      return undefined;
    case 'read':
      return work.feed.read(request.request);
    case 'end':
      return work.feed.end();
    case 'newest':
      return work.feed.newest();
    case 'dead':
      return work.deliveries.dead(request.after, request.limit);
    case 'retry':
      return work.deliveries.retry(request.documentId);
    case 'users':
      work.tell(request.changes);
      return undefined;
    case 'status':
      return work.takeStatus();
  }
}
