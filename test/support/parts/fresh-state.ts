/** What clients get that were never there before. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from '../clients/client.js';
import { canonical } from '../clients/model-document.js';

/** How long nodes may take to come to hold the same: longer than the interval of their comparisons. */
const AGREE_MS = 15_000;

/** The state of a document as comparable JSON. */
export async function freshState(url: string, documentId: string): Promise<string> {
  const client = await RawClient.connect(url, { encoding: 'json' });
  try {
    return canonical((await client.subscribe(documentId))['state']);
  } finally {
    client.socket.terminate();
  }
}

/** The state that all nodes come to hold, and where they did not. */
export async function agreedState(
  urls: readonly string[],
  documentId: string,
): Promise<{ readonly state: string; readonly apart: readonly string[] }> {
  const ask = (): Promise<string[]> => Promise.all(urls.map(async (url) => freshState(url, documentId)));
  let states = await ask();
  const end = Date.now() + AGREE_MS;
  while (states.some((state) => state !== states[0]) && Date.now() < end) {
    await sleep(20);
    states = await ask();
  }
  const [state = '', ...others] = states;
  const apart = others.flatMap((other, i) =>
    other === state ? [] : [`${documentId} on node ${i + 1}: ${other}\n  instead of ${state}`],
  );
  return { state, apart };
}
