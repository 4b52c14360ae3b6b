/** The WASM core for fields beside the reference implementation: alone, and end to end in a shard in this process. */
import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import pino from 'pino';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import { importCore, importFrom, importReference, type Build } from '../../build.js';
import { documentName } from '../../load/commands.js';
import { DeltaTemplate } from '../../load/frames.js';
import { timeInTurns, type Work } from '../../in-turns.js';
import { rounded } from '../../measure.js';
import type { Row, Scenario } from '../../scenario.js';

type ShardModule = typeof import('../../../src/shard/shard.js');
type TaskModule = typeof import('../../../src/messages/task.js');
type MemoryModule = typeof import('../../../src/storage/memory.js');

const FIELDS = 1_000;
const VALUE_BYTES = 40;
/** End to end: a task of so many documents, each written so often. */
const TASKS: readonly (readonly [documents: number, writes: number])[] = [
  [1, 1],
  [1, 50],
  [50, 1],
  [50, 20],
];

const TASKS_AT_A_TIME = 20;

/** What both cores are asked to do. */
type Prepare = (store: FieldsStore) => Work | Promise<Work>;

export const core: Scenario = {
  name: 'core',
  about:
    'the WASM core beside the reference implementation, in the process of the bench: µs of CPU per operation, and wasm/reference',
  rounds: 1,
  conditions: () => ({
    'fields per document': FIELDS,
    'value bytes': VALUE_BYTES,
    'end to end': 'Shard.handle with storage in memory, from the bytes of a task to those of its answers',
    reference: 'without its byte size, which it would recount for each write',
  }),
  async run({ build }) {
    const { FieldsCore } = await importCore(build);
    const { ReferenceFields } = await importReference(build);
    /** An implementation that keeps count has its size for free; the reference implementation walks all fields. */
    class UncountedReference extends ReferenceFields {
      override byteSize(handle: number): number {
        return this.fieldCount(handle) * VALUE_BYTES;
      }
    }
    const cases: [string, Prepare][] = [
      ['set, wins', winning],
      ['set, loses', losing],
      ['get', getting],
      ['state, per field', stating],
      ['changesSince, all, per field', changing],
    ];
    for (const [documents, writes] of TASKS) {
      const name = `end to end: ${documents} document${documents === 1 ? '' : 's'} × ${writes} per task, per write`;
      cases.push([name, (store) => handling(build, store, documents, writes)]);
    }
    const rows: Row[] = [];
    for (const [operation, prepare] of cases) {
      const works = [await prepare(new FieldsCore()), await prepare(new UncountedReference())];
      const [wasm = NaN, reference = NaN] = await timeInTurns(works);
      rows.push({
        operation,
        'wasm µs': wasm,
        'reference µs': reference,
        'wasm/reference': rounded(wasm / reference),
      });
    }
    return rows;
  },
};

const value = JSON.stringify('v'.repeat(VALUE_BYTES - 2));
const paths = Array.from({ length: FIELDS }, (_, i) => `field-${String(i).padStart(6, '0')}`);

function writeOf(path: string, time: number): FieldWrite {
  return { path, value, deleted: false, timestamp: time, counter: time, clientId: 'client-0123456789', stamp: time };
}

function filled(store: FieldsStore): number {
  const handle = store.open();
  paths.forEach((path, i) => store.set(handle, writeOf(path, i + 1)));
  return handle;
}

function winning(store: FieldsStore): Work {
  const handle = filled(store);
  const writes = paths.map((path) => writeOf(path, 0));
  let time = FIELDS;
  return () => {
    for (const write of writes) {
      write.timestamp = ++time;
      store.set(handle, write);
    }
    return FIELDS;
  };
}

function losing(store: FieldsStore): Work {
  const handle = filled(store);
  const writes = paths.map((path) => writeOf(path, 0));
  return () => {
    for (const write of writes) store.set(handle, write);
    return FIELDS;
  };
}

function getting(store: FieldsStore): Work {
  const handle = filled(store);
  return () => {
    for (const path of paths) store.get(handle, path);
    return FIELDS;
  };
}

function stating(store: FieldsStore): Work {
  const handle = filled(store);
  return () => (store.state(handle), FIELDS);
}

function changing(store: FieldsStore): Work {
  const handle = filled(store);
  return () => store.changesSince(handle, new Map()).length;
}

/** A shard with this core; each piece of work is a task that is settled when it is done. */
async function handling(build: Build, store: FieldsStore, documents: number, writes: number): Promise<Work> {
  const { TextCore } = await importCore(build);
  const { Shard } = await importFrom<ShardModule>(build, 'src/shard/shard.js');
  const { recordKinds, TaskWriter, variants } = await importFrom<TaskModule>(build, 'src/messages/task.js');
  const { MemoryStorage } = await importFrom<MemoryModule>(build, 'src/storage/memory.js');
  const shard = new Shard({
    core: store,
    texts: new TextCore(),
    storage: new MemoryStorage(),
    log: pino({ level: 'silent' }),
    metrics: new ShardMetrics(undefined),
    isReplacement: false,
    send: () => undefined,
    nodeId: 'node-bench',
    maxClockSkewMs: 60_000,
    maxValueDepth: 200,
    limits: { maxFields: 200_000, maxBytes: 64 * 1024 ** 2 },
    tombstones: { maxCount: 10_000, maxBytes: 4 * 1024 ** 2, maxAgeMs: 30 * 86_400_000 },
    maxTextBytes: 8 * 1024 ** 2,
    textDiffMs: 50,
    replayMaxFields: 0,
    publish: { when: 'merged', graceMs: 1_000 },
    stallMs: 3_600_000,
    commitGatherMs: 0,
    maxSnapshotBytes: 0,
    maxPendingBytes: 64 * 1024 ** 2,
    compareMs: 0,
    maxLoadedBytes: 256 * 1024 ** 2,
    maxEchoFields: 100_000,
  });
  const templates = Array.from({ length: documents }, (_, document) => {
    const documentId = documentName(document);
    return { documentId, template: new DeltaTemplate({ documentId, ...writerOptions }) };
  });
  const writer = new TaskWriter();
  let tasks = 0;
  const task = async (): Promise<void> => {
    for (const [document, { documentId, template }] of templates.entries()) {
      const records = Array.from({ length: writes }, () => ({
        kind: recordKinds.delta,
        origin: { session: document + 1, encoding: 'binary', supportsBatch: false } as const,
        form: 'binary' as const,
        timestamp: Date.now(),
        receivedAt: performance.now(),
        payload: payloadOf(template),
      }));
      writer.group({ documentId, variants: variants.binaryDelta, writerOnly: false, records });
    }
    shard.handle(++tasks, writer.finish());
    await shard.idle();
  };
  return async () => {
    for (let i = 0; i < TASKS_AT_A_TIME; i++) await task();
    return TASKS_AT_A_TIME * documents * writes;
  };
}

const writerOptions = { writer: 'client-0123456789', fields: FIELDS, valueBytes: VALUE_BYTES };

/** The JSON of the next delta; cheap, as it is timed too. */
function payloadOf(template: DeltaTemplate): Buffer {
  const frame = Buffer.allocUnsafe(template.length);
  template.writeTo(frame, 0, 0);
  return frame.subarray(frame.indexOf('{'));
}
