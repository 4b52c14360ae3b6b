/** The routes about what documents were. */
import { ProtocolError } from '../../errors.js';
import type { Config } from '../../config/load.js';
import type { HistoryPlace } from '../../storage/history/port.js';
import type { Answer } from '../answer.js';
import type { Call, Route } from '../api/route.js';
import { Activity } from './activity.js';
import * as specs from './history-specs.js';

/** Entries of one request to the storage, and those that one page looks at. */
const looksAtOnce = 500;
const maxLooks = 2_000;

export function historyRoutes({ historyMaxPageBytes }: Pick<Config, 'historyMaxPageBytes'>): readonly Route[] {
  return [
    { spec: specs.getActivity, handle: (call) => activity(call, historyMaxPageBytes) },
    { spec: specs.getPast, handle: past },
    { spec: specs.rollbackDocument, handle: rollback },
  ];
}

async function activity({ client, parameters, query }: Call, maxBytes: number): Promise<Answer> {
  const { cursor, limit, pause, user, field } = query as specs.ActivityQuery;
  const found = new Activity({ limit, pauseMs: pause * 1_000, user, field });
  let before: HistoryPlace | undefined = cursor;
  let keptSince: number | undefined;
  let hasMore = true;
  let bytesLeft = maxBytes;
  for (let looks = 0; hasMore && looks < maxLooks && bytesLeft > 0;) {
    const request = { kind: 'entries' as const, before, limit: looksAtOnce, maxBytes: bytesLeft };
    const page = await client.history(parameters['id'] ?? '', request);
    ({ hasMore, keptSince } = page);
    let isFull = false;
    for (const entry of page.entries) {
      if (!found.add(entry)) {
        isFull = true;
        break;
      }
      before = { commit: entry.commit, index: entry.index };
      if (entry.kind === 'field') bytesLeft -= (entry.before?.length ?? 0) + (entry.after?.length ?? 0);
    }
    if (isFull) {
      hasMore = true;
      break;
    }
    looks += page.entries.length;
  }
  const next = hasMore && before !== undefined ? JSON.stringify(specs.cursorOf(before)) : 'null';
  const since = keptSince === undefined ? 'null' : `"${new Date(keptSince).toISOString()}"`;
  return json(Buffer.from(`{"activity":${found.json()},"keptSince":${since},"next":${next}}`));
}

async function past({ client, parameters }: Call): Promise<Answer> {
  const at = specs.timeSchema.safeParse(parameters['time']);
  if (!at.success) throw new ProtocolError('INVALID_REQUEST', 'the time must be in ISO 8601 or in ms since the epoch');
  const bytes = await client.history(parameters['id'] ?? '', { kind: 'at', at: at.data });
  return json(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

async function rollback({ client, parameters, body, requestId }: Call): Promise<Answer> {
  let given: unknown;
  try {
    given = JSON.parse(body.toString());
  } catch {
    throw new ProtocolError('INVALID_REQUEST', 'the body must be JSON');
  }
  const asked = specs.rollbackSchema.safeParse(given);
  if (!asked.success) {
    const [issue] = asked.error.issues;
    throw new ProtocolError('INVALID_REQUEST', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const done = await client.rollback(parameters['id'] ?? '', asked.data, requestId);
  return { status: '200 OK', body: done };
}

function json(bytes: Buffer): Answer {
  return { status: '200 OK', headers: [['Cache-Control', 'no-store']], content: { type: 'application/json', bytes } };
}
