import { test } from 'tap';
import type { Statement } from '../../../src/storage/postgres/connection/client.js';
import type { Connection } from '../../../src/storage/postgres/connection/connection.js';
import { Loader } from '../../../src/storage/postgres/load.js';

/** Connections that answer on command, and their queries. */
class ManualConnections {
  readonly asked: string[][] = [];
  readonly #answers: ((error?: Error) => void)[] = [];

  async use<Result>(action: (connection: Connection) => Promise<Result>): Promise<Result> {
    return action({
      query: (statement) => {
        const [ids] = (statement as Statement).values as [string[]];
        this.asked.push(ids);
        return new Promise((resolve, reject) => {
          this.#answers.push((error) => {
            if (error === undefined) resolve(ids.flatMap((id, i) => rowsOf(id, i)));
            else reject(error);
          });
        });
      },
    });
  }

  answer(error?: Error): void {
    this.#answers.shift()!(error);
  }
}

function rowsOf(id: string, stamp: number): unknown[][] {
  return [
    [0, id, stamp, null, null, null, 0],
    [2, id, null, 'update', null, null, null, null, null, null, Uint8Array.of(1, 2)],
  ];
}

const turn = () => new Promise(setImmediate);

test('loads that are asked for together leave as one statement', async (t) => {
  const connections = new ManualConnections();
  const loader = new Loader(connections, 1);
  const loads = ['a', 'b', 'a', 'c'].map((id) => loader.load(id));
  await turn();
  t.same(connections.asked, [['a', 'b', 'c']]);
  connections.answer();
  const [a, b, again] = await Promise.all(loads);
  t.equal(b!.stamp, 1);
  t.strictSame(a, again);
  t.not(a!.text[0]!.bytes.buffer, again!.text[0]!.bytes.buffer, 'bytes belong to one caller');
});

test('while all connections are busy the next loads collect', async (t) => {
  const connections = new ManualConnections();
  const loader = new Loader(connections, 2);
  const loads = [];
  for (const id of ['a', 'b', 'c', 'd', 'c']) {
    loads.push(loader.load(id));
    await turn();
  }
  t.same(connections.asked, [['a'], ['b']]);
  connections.answer();
  await turn();
  t.same(connections.asked, [['a'], ['b'], ['c', 'd']]);
  connections.answer();
  connections.answer();
  await Promise.all(loads);
  await loader.idle();
});

test('a load does not join one that is on its way: that may be older than a commit', async (t) => {
  const connections = new ManualConnections();
  const loader = new Loader(connections, 2);
  const loads = [loader.load('a')];
  await turn();
  loads.push(loader.load('a'));
  await turn();
  t.same(connections.asked, [['a'], ['a']]);
  connections.answer();
  connections.answer();
  await Promise.all(loads);
});

test('a load that fails is an error to all who wait for it, and to nobody else', async (t) => {
  const connections = new ManualConnections();
  const loader = new Loader(connections, 1);
  const failing = [loader.load('a'), loader.load('b')].map((load) => t.rejects(load, /gone/));
  await turn();
  const next = loader.load('a');
  connections.answer(new Error('gone'));
  await Promise.all(failing);
  await turn();
  connections.answer();
  t.match(await next, { stamp: 0 });
});
