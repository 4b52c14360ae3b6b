import type { EndingRequest, LifecycleRequest } from '../messages/lifecycle-request.js';
import type { Work } from '../messages/work.js';
import type { ListPage, ListRequest } from '../storage/lifecycle/port.js';
import type { ShardSet } from './shard-set.js';

/** Whole documents, as the acceptor's thread asks the shards for them. Rejects when the storage fails, or there is no worker. */
export interface LifecycleClient {
  list(list: ListRequest): Promise<ListPage>;
  /** Resolves when it is durable. @returns Whether there is such a document. */
  end(request: EndingRequest): Promise<boolean>;
}

/** @param hasOwnStorages Whether each shard has a storage of its own, so that a list has to ask all of them. */
export function lifecycleClient(shards: Pick<ShardSet, 'links' | 'indexOf'>, hasOwnStorages: boolean): LifecycleClient {
  let turn = 0;
  const ask = (index: number, request: LifecycleRequest): Promise<unknown> => {
    const link = shards.links[index];
    if (link === undefined) return Promise.reject(new Error('there is no shard'));
    return link.ask({ kind: 'lifecycle', request } satisfies Work);
  };
  return {
    list: async (list) => {
      const request = { kind: 'list', list } as const;
      if (!hasOwnStorages) return (await ask(turn++ % shards.links.length, request)) as ListPage;
      const pages = await Promise.all(shards.links.map((_, index) => ask(index, request)));
      return joined(pages as ListPage[], list.limit);
    },
    end: async (request) => (await ask(shards.indexOf(request.documentId), request)) as boolean,
  };
}

/** The pages of several storages as one: up to where each of them has looked. */
export function joined(pages: readonly ListPage[], limit: number): ListPage {
  const ends = pages.flatMap(({ next }) => (next === undefined ? [] : [next])).sort();
  const [end] = ends;
  const all = pages.flatMap(({ documents }) => documents).sort((a, b) => (a.id < b.id ? -1 : 1));
  const seen = end === undefined ? all : all.filter(({ id }) => id <= end);
  if (seen.length <= limit) return { documents: seen, next: end };
  const documents = seen.slice(0, limit);
  return { documents, next: documents.at(-1)?.id };
}
