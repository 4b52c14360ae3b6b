import type { HistoryAnswer, HistoryRequest } from '../messages/history.js';
import type { Work } from '../messages/work.js';
import type { HistoryDocument, Prune, Pruned } from '../storage/history/port.js';
import type { ShardSet } from './shard-set.js';

/** What documents were, as the acceptor's thread asks the shards. Rejects when the storage fails, or there is no worker. */
export interface HistoryClient {
  ask(documentId: string, request: HistoryRequest): Promise<HistoryAnswer<unknown>>;
  /** Documents with history behind an id. */
  list(after: string, limit: number): Promise<readonly HistoryDocument[]>;
  prune(prune: Prune): Promise<Pruned>;
}

/** @param hasOwnStorages Whether each shard has a storage of its own, so that a list has to ask all of them. */
export function historyClient(shards: Pick<ShardSet, 'links' | 'indexOf'>, hasOwnStorages: boolean): HistoryClient {
  const ask = (index: number, request: HistoryRequest): Promise<unknown> => {
    const link = shards.links[index];
    if (link === undefined) return Promise.reject(new Error('there is no shard'));
    return link.ask({ kind: 'history', request } satisfies Work);
  };
  return {
    ask: async (documentId, request) => (await ask(shards.indexOf(documentId), request)) as HistoryAnswer<unknown>,
    list: async (after, limit) => {
      const asked = shards.links.slice(0, hasOwnStorages ? undefined : 1);
      const lists = await Promise.all(asked.map((_, index) => ask(index, { kind: 'list', after, limit })));
      const all = (lists as (readonly HistoryDocument[])[]).flat();
      return all.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
    },
    prune: async (prune) => (await ask(shards.indexOf(prune.documentId), { kind: 'prune', ...prune })) as Pruned,
  };
}
