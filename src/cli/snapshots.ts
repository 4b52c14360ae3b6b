/** The commands about snapshots. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { remoteHelp, remoteOptions, withRemote } from './remote.js';
import { print, UsageError, wordsAndOptions, type Command } from './tools.js';

const help = `synckit-server snapshot <command>: snapshots of documents

  create DOCUMENT    make one, and print its id
  list DOCUMENT      list those of a document, the last one first
    --limit N          how many (default: 10)
  get ID             print one with its state, as JSON; latest:DOCUMENT for the last one
    --out FILE         write it to a file
  restore ID         make the document what the snapshot says: an ordinary write
  delete ID          remove one

${remoteHelp}

Listing and reading need the permission to read the document, all else that to write
it.

  synckit-server snapshot create todo --url http://localhost:8080 --token "$TOKEN"`;

type Run = (args: string[]) => Promise<void>;

interface Shown {
  readonly id: string;
  readonly createdAt: string;
  readonly sizeBytes: number;
}

const commands: Readonly<Record<string, Run>> = {
  async create(args) {
    const { values, words } = wordsAndOptions(args, remoteOptions, ['a document']);
    const path = `/snapshots/${encodeURIComponent(words[0] ?? '')}`;
    await withRemote(values, true, async (remote) => {
      print(((await (await remote.request(path, { method: 'POST' })).json()) as Shown).id);
    });
  },

  async list(args) {
    const { values, words } = wordsAndOptions(args, { ...remoteOptions, limit: { type: 'string' } }, ['a document']);
    const limit = values.limit ?? '10';
    if (!/^[1-9]\d{0,3}$/.test(limit)) throw new UsageError('--limit must be a number from 1 on');
    const path = `/snapshots/${encodeURIComponent(words[0] ?? '')}?limit=${limit}`;
    await withRemote(values, false, async (remote) => {
      const { snapshots } = (await (await remote.request(path)).json()) as { readonly snapshots: readonly Shown[] };
      for (const { id, createdAt, sizeBytes } of snapshots) print(`${id}  ${createdAt}  ${sizeBytes} bytes`);
    });
  },

  async get(args) {
    const { values, words } = wordsAndOptions(args, { ...remoteOptions, out: { type: 'string' } }, ['an id']);
    const [word = ''] = words;
    const latest = /^latest:(.*)$/.exec(word)?.[1];
    const path = latest === undefined ? idPath(word) : `/snapshots/${encodeURIComponent(latest)}/latest`;
    await withRemote(values, false, async (remote) => {
      const { body } = await remote.request(path);
      if (body === null) return;
      // Not parsed: numbers and the order of keys stay as they are.
      const bytes = Readable.fromWeb(body);
      if (values.out !== undefined) await pipeline(bytes, createWriteStream(values.out));
      else {
        await pipeline(bytes, process.stdout, { end: false });
        print('');
      }
    });
  },

  async restore(args) {
    await change(args, 'POST', '/restore');
    print('restored');
  },

  async delete(args) {
    await change(args, 'DELETE', '');
    print('deleted');
  },
};

export const snapshotCommands: Readonly<Record<string, Command>> = {
  snapshot: {
    help,
    async run(args) {
      const [name = '', ...rest] = args;
      const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
      if (command === undefined) throw new UsageError(`snapshot needs one of: ${Object.keys(commands).join(', ')}`);
      await command(rest);
    },
  },
};

async function change(args: string[], method: 'POST' | 'DELETE', below: string): Promise<void> {
  const { values, words } = wordsAndOptions(args, remoteOptions, ['an id']);
  await withRemote(values, true, (remote) => remote.request(`${idPath(words[0] ?? '')}${below}`, { method }));
}

function idPath(id: string): string {
  return `/snapshots/id/${encodeURIComponent(id)}`;
}
