/** Others in a document: they subscribe, read it, and write fields of their own, as long as it goes on. */
import { RawClient } from '../clients/client.js';
import { Replica } from '../clients/replica.js';

export interface Onlookers {
  /** What each of those that are subscribed holds of a field. */
  values(field: string): unknown[];
  /** Ends what they do; they stay subscribed. */
  rest(): Promise<void>;
  close(): void;
}

const STEP_MS = 45;
const MOST_SUBSCRIBERS = 3;

export async function onlookers(url: string, documentId: string): Promise<Onlookers> {
  const clients: RawClient[] = [];
  const replicas: Replica[] = [];
  const ending = new AbortController();
  const join = async (): Promise<RawClient> => {
    // Of both encodings, and of both kinds of updates.
    const client = await RawClient.connect(url, { encoding: clients.length % 2 === 0 ? 'json' : 'binary' });
    if (clients.length % 3 === 1) client.send('awareness_subscribe', { documentId });
    clients.push(client);
    replicas.push(new Replica(client, documentId));
    await client.subscribe(documentId);
    return client;
  };
  const first = await join();
  const step = async (i: number): Promise<void> => {
    const clientId = 'onlooker';
    if (i % 4 === 0 && clients.length < MOST_SUBSCRIBERS) await join();
    else if (i % 4 === 1) first.send('sync_request', { documentId });
    else first.set(documentId, `other${i % 3}`, i, { clientId, clock: { [clientId]: i } });
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  };
  const done = (async () => {
    for (let i = 1; !ending.signal.aborted; i++) await step(i);
  })();
  // Its error is seen by `rest`.
  done.catch(() => undefined);
  return {
    values: (field) => replicas.map((replica) => replica.state[field]),
    async rest() {
      ending.abort();
      await done;
    },
    close() {
      ending.abort();
      for (const client of clients) client.socket.terminate();
    },
  };
}
