/**
 * The environment of the deliveries to the webhook, in the layout of webhooks/key-value.ts: keys are texts, values are
 * msgpack. Here the entries are read as bytes, as they lie in the file.
 */
import { CorruptEntry, decodeFormat } from '../format.js';
import type { EntryReader, Environment } from './environment.js';
import { areTexts, isNumber, isObject, partsOf, unpack } from './packed.js';

const formatKey = Buffer.from('format');

export const webhooks: Environment = {
  name: 'webhooks',
  folder: 'webhooks',
  formatKey,
  formatVersion: 1,
  counted: { failed: 'failed deliveries', dead: 'events that were given up' },
  unit: 'entry',
  nameOf: (key) => {
    const [kind, rest] = partsOf(key);
    return rest === undefined ? `an entry of ${kind}` : `${kind} ${JSON.stringify(rest)}`;
  },
  newReader: () => new WebhookReader(),
  beginAnew: 'To begin without deliveries that failed, remove this folder.',
};

class WebhookReader implements EntryReader {
  readonly counts = { failed: 0, dead: 0 };
  version: number | undefined;

  read(key: Buffer, value: Buffer): void {
    if (key.equals(formatKey)) {
      this.version = decodeFormat(value);
      return;
    }
    const [kind, rest] = partsOf(key);
    if (!isSound(kind, rest, unpack(value))) throw new CorruptEntry('it is not what this server writes');
    if (kind === 'failed' || kind === 'dead') this.counts[kind]++;
  }
}

function isSound(kind: string, rest: string | undefined, content: unknown): boolean {
  switch (kind) {
    case 'failed':
    case 'dead':
      return isObject(content) && content['documentId'] === rest && isNumber(content['commit']);
    case 'lease':
      return isObject(content) && areTexts(content['holder']) && isNumber(content['until']);
    case 'cursor':
      return areTexts(content);
    case 'revision':
      return Number.isSafeInteger(content);
    default:
      return false;
  }
}
