/**
 * The environment of the snapshots, in the layout of snapshots/key-value.ts: keys are texts, values are msgpack. Here the
 * entries are read as bytes, as they lie in the file.
 */
import { CorruptEntry, decodeFormat } from '../format.js';
import type { EntryReader, Environment } from './environment.js';
import { areTexts, isNumber, isObject, partsOf, unpack } from './packed.js';

const formatKey = Buffer.from('format');

export const snapshots: Environment = {
  name: 'snapshots',
  folder: 'snapshots',
  formatKey,
  formatVersion: 1,
  counted: { snapshots: 'snapshots' },
  unit: 'entry',
  nameOf: (key) => {
    const [kind, rest = ''] = partsOf(key);
    return kind === 'snapshot' || kind === 'state' ? `${kind} ${JSON.stringify(rest)}` : `an entry of ${kind}`;
  },
  newReader: () => new SnapshotReader(),
  beginAnew: 'To begin without snapshots, remove this folder.',
};

class SnapshotReader implements EntryReader {
  readonly counts = { snapshots: 0 };
  version: number | undefined;

  read(key: Buffer, value: Buffer): void {
    if (key.equals(formatKey)) {
      this.version = decodeFormat(value);
      return;
    }
    const [kind, rest] = partsOf(key);
    if (!isSound(kind, rest, unpack(value))) throw new CorruptEntry('it is not what this server writes');
    if (kind === 'snapshot') this.counts.snapshots++;
  }
}

function isSound(kind: string, rest: string | undefined, content: unknown): boolean {
  switch (kind) {
    case 'snapshot':
      if (!isObject(content)) return false;
      return (
        content['id'] === rest && areTexts(content['documentId'], content['tag']) && isNumber(content['createdAt'])
      );
    case 'state':
      return content instanceof Uint8Array;
    case 'of':
    case 'age':
      return rest !== undefined && areTexts(content);
    case 'bytes':
    case 'count':
      return Number.isSafeInteger(content);
    default:
      return false;
  }
}
