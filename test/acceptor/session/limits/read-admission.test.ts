import { test } from 'tap';
import { ReadAdmission, type Reader } from '../../../../src/acceptor/session/limits/read-admission.js';
import { Rate, TokenBucket } from '../../../../src/acceptor/session/limits/token-bucket.js';
import { readAdmission } from '../../../support/parts/budgets.js';
import { until } from '../../../support/nodes/server.js';

const MIB = 1024 * 1024;

/** A session that wants a number of reads. */
class Wanting {
  /** Of all sessions, in the order in which they were started. */
  static all: string[] = [];
  readonly started: string[] = [];
  left = 0;
  #reads = 0;

  constructor(
    readonly admission: ReadAdmission,
    readonly name: string,
    readonly buckets: readonly TokenBucket[] = [],
    readonly subject = name,
  ) {}

  want(reads: number): this {
    this.left += reads;
    while (this.startOne());
    return this;
  }

  startOne(): boolean {
    if (this.left === 0) {
      this.admission.forget(this);
      return false;
    }
    const reader: Reader = { key: `${this.name}${this.#reads}`, buckets: this.buckets, subject: this.subject };
    if (!this.admission.start(reader, this)) return false;
    this.left--;
    this.#reads++;
    this.started.push(reader.key);
    Wanting.all.push(reader.key);
    return true;
  }
}

test('of a document whose size is not known one read is made, then as many as there is room for', async (t) => {
  const admission = readAdmission({ maxBytesInFlight: 32 * MIB });
  Wanting.all = [];
  const sessions = Array.from({ length: 20 }, (_, i) => new Wanting(admission, `s${i}:`, [], 'large').want(3));
  const started = () => Wanting.all;
  t.same(started(), ['s0:0']);
  admission.answered('s0:0', 10 * MIB, true);
  await until('the next ones', () => started().length > 1);
  t.equal(started().length, 4, 'three of 10 MiB');
  t.equal(new Set(sessions.filter((s) => s.started.length > 0)).size, 3, 'in turns');
  t.equal(admission.bytesInFlight, 30 * MIB);
  for (let done = 1; done < 60; done++) {
    await until('another one', () => started().length > done);
    const key = started()[done]!;
    t.ok(admission.bytesInFlight <= 32 * MIB);
    admission.answered(key, 10 * MIB, true);
  }
  t.equal(admission.bytesInFlight, 0);
  admission.stop();
});

test('who has used up his rate waits, and others do not', async (t) => {
  const admission = readAdmission();
  const bucket = new TokenBucket(new Rate(100 * MIB, 4 * MIB));
  const greedy = new Wanting(admission, 'greedy', [bucket]).want(2);
  admission.answered('greedy0', 10 * MIB, true);
  t.same(greedy.started, ['greedy0'], 'the second waits for the size of the first, and then for the rate');
  const modest = new Wanting(admission, 'modest', [], 'small').want(1);
  await until('the modest one', () => modest.started.length === 1);
  await until('the greedy one again', () => greedy.started.length === 2);
  admission.stop();
});

test('the rate of the process holds for all', async (t) => {
  const admission = readAdmission({ bytesPerSecond: 100 * MIB });
  new Wanting(admission, 'a').want(1);
  admission.answered('a0', 220 * MIB, true);
  const next = new Wanting(admission, 'b').want(1);
  t.same(next.started, []);
  await until('the rate to allow it', () => next.started.length === 1);
  admission.stop();
});

test('after the answer of a large document the process serves others before it makes the next one', async (t) => {
  const admission = readAdmission({ bytesPerSecond: 40 * MIB });
  const first = new Wanting(admission, 'first').want(1);
  t.same(first.started, ['first0']);
  admission.answered('first0', 10 * MIB, true);
  const next = new Wanting(admission, 'next').want(1);
  t.same(next.started, [], 'although it is far below what two seconds allow');
  await until('the pause to end', () => next.started.length === 1);
  admission.stop();
});

test('a large answer is not put off for ever by small ones', async (t) => {
  const admission = readAdmission({ maxBytesInFlight: 10 * MIB });
  const large = new Wanting(admission, 'l', [], 'large').want(1);
  admission.answered('l0', 9 * MIB, true);
  const small = Array.from({ length: 20 }, (_, i) => new Wanting(admission, `s${i}:`, [], `small${i}`).want(1));
  large.want(1);
  const later = new Wanting(admission, 'later', [], 'other').want(1);
  t.same(later.started, [], 'it does not overtake');
  for (const { started } of small) for (const key of started) admission.answered(key, 100, true);
  await until('the large one', () => large.started.length === 2);
  admission.answered('l1', 9 * MIB, true);
  await until('the later one', () => later.started.length === 1);
  admission.stop();
});

test('bytes of requests that wait are bounded for all sessions together', (t) => {
  const admission = readAdmission({ maxWaitingBytes: 100 });
  t.equal(admission.enqueue(60), true);
  t.equal(admission.enqueue(60), false);
  admission.dequeue(60);
  t.equal(admission.enqueue(60), true);
  t.equal(admission.waitingBytes, 60);
  t.end();
});
