import { test } from 'tap';
import { Control } from '../../src/acceptor/control.js';
import { Awareness } from '../../src/acceptor/awareness/awareness.js';
import { SessionMeter } from '../../src/acceptor/session/limits/session-meter.js';
import { Topics } from '../../src/acceptor/fan-out/topics.js';
import { compilePermissions } from '../../src/auth/permissions.js';
import { anonymousIdentity } from '../../src/auth/tokens/tokens.js';
import { LimitError } from '../../src/errors.js';
import { AcceptorMetrics } from '../../src/metrics/acceptor-metrics.js';
import { Fields } from '../../src/protocol/fields.js';
import type { Message } from '../../src/protocol/message.js';
import { coalescerFixture } from '../support/parts/recording-shards.js';
import { readAdmission } from '../support/parts/budgets.js';
import { recordingSession } from '../support/parts/recording-session.js';

test('contract 10: the memory of the vectors of waiting reads is bounded', (t) => {
  const { coalescer } = coalescerFixture();
  const metrics = new AcceptorMetrics(undefined);
  const limits = {
    timeoutMs: 60_000,
    maxClientIds: 10,
    maxDocuments: 10,
    maxBytes: 1_000_000,
    maxSessionBytes: 1_000_000,
  };
  const awareness = new Awareness({ publish: () => undefined, metrics, meter: new SessionMeter(metrics), ...limits });
  const topics = new Topics(10_000);
  const control = new Control({
    coalescer,
    topics,
    awareness,
    admission: readAdmission(),
    answerAwareness: () => undefined,
    maxVectorEntries: 10_000,
    maxSubscriptions: 10_000,
    maxAwarenessBytes: 10,
    maxValueDepth: 10,
    replayDelayMs: 0,
  });
  const { session } = recordingSession();
  const access = compilePermissions(anonymousIdentity.permissions);
  const vectorClock = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`${'c'.repeat(90)}${i}`, i]));
  let taken = 0;
  try {
    for (; taken < 1_000; taken++) {
      const bytes = Buffer.from(JSON.stringify({ id: `m${taken}`, documentId: `d${taken}`, vectorClock }));
      const message: Message = { type: 'sync_request', timestamp: 0, fields: Fields.read(bytes, 0, bytes.length) };
      control.handle(session, { kind: 'authenticated', identity: anonymousIdentity, access }, message);
    }
  } catch (error) {
    t.match(error, { code: 'RATE_LIMIT_EXCEEDED', limit: 'reads' });
    t.ok(error instanceof LimitError);
  }
  t.ok(taken > 8 && taken < 40, `${taken} of half a megabyte each were taken`);
  t.ok((session.reads?.waitingBytes ?? Infinity) <= 8 * 1024 * 1024);
  coalescer.stop();
  awareness.stop();
  t.end();
});
