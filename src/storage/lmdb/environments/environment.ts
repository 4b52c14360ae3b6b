/** What is known of each LMDB environment of a data directory: where it lies, and how to read its entries. */

/** Reads the entries of an environment one by one, without trusting any of them. */
export interface EntryReader {
  /** Checks an entry and counts it. @throws CorruptEntry */
  read(key: Buffer, value: Buffer): void;
  /** Version of the layout; undefined when its entry was not read. */
  readonly version: number | undefined;
  /** How many were read, by the names in `Environment.counted`. */
  readonly counts: Counts;
}

export type Counts = Readonly<Record<string, number>>;

export interface Environment {
  /** Of its part in a backup's manifest; in sentences, what is stored in it. */
  readonly name: string;
  /** Its folder below the data directory; empty for the data directory itself. */
  readonly folder: string;
  readonly formatKey: Buffer;
  /** Version of the layout that this server writes; it reads all up to this one. */
  readonly formatVersion: number;
  /** What is counted, by its name in the manifest, in words. */
  readonly counted: Readonly<Record<string, string>>;
  /** What damage is told of, in words. */
  readonly unit: string;
  /** What an entry belongs to, also when its key is none of the layout. Holds no content. */
  readonly nameOf: (key: Buffer) => string;
  readonly newReader: () => EntryReader;
  /** A sentence on how to go on without what was lost. */
  readonly beginAnew: string;
}

/** The range that holds the version of the layout and nothing else. */
export function formatRange({ formatKey }: Environment): { readonly start: Buffer; readonly end: Buffer } {
  return { start: formatKey, end: Buffer.concat([formatKey, Buffer.of(0)]) };
}

/** Counts in words, such as `3 accounts, 1 API keys`. */
export function inWords({ counted }: Environment, counts: Counts): string {
  return Object.entries(counted)
    .map(([name, words]) => `${counts[name] ?? 0} ${words}`)
    .join(', ');
}
