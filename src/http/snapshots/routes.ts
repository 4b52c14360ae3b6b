/** The routes about snapshots. */
import type { Snapshot, SnapshotInfo } from '../../storage/snapshots/port.js';
import { ProtocolError } from '../../errors.js';
import type { Answer } from '../answer.js';
import type { Call, Route } from '../api/route.js';
import type { SnapshotActor, SnapshotsPort } from './ports.js';
import * as specs from './specs.js';

export function snapshotRoutes(snapshots: SnapshotsPort): readonly Route[] {
  /** Who may not know of a snapshot is told so only where there is one: ids can't be guessed. */
  const find = async (call: Call, action: 'read' | 'manage'): Promise<SnapshotInfo> => {
    const { client, parameters } = call;
    client.charge();
    const info = await snapshots.find(parameters['snapshotId'] ?? '');
    if (action === 'read') await admitReader(call, info.documentId);
    else await client.admit(info.documentId, action);
    return info;
  };
  return [
    {
      spec: specs.createSnapshot,
      handle: async (call) => ok(shown(await snapshots.create(call.client, documentOf(call), actorOf(call)))),
    },
    {
      spec: specs.listSnapshots,
      handle: async (call) => {
        const documentId = documentOf(call);
        await admitReader(call, documentId);
        const found = await snapshots.list(documentId, (call.query as specs.ListQuery).limit);
        return ok({ documentId, count: found.length, snapshots: found.map(shown) });
      },
    },
    {
      // Before the route by id, which would take a document of the name `id` for itself.
      spec: specs.latestSnapshot,
      handle: async (call) => {
        await admitReader(call, documentOf(call));
        return whole(await snapshots.latest(documentOf(call)));
      },
    },
    {
      spec: specs.getSnapshot,
      handle: async (call) => whole(await snapshots.get(await find(call, 'read'))),
    },
    {
      spec: specs.removeSnapshot,
      handle: async (call) => {
        await snapshots.remove(await find(call, 'manage'), actorOf(call));
        return ok({ success: true });
      },
    },
    {
      spec: specs.restoreSnapshot,
      handle: async (call) => {
        await snapshots.restore(call.client, await find(call, 'manage'), actorOf(call));
        return ok({ success: true });
      },
    },
  ];
}

/** Rejects when the sender may not read the document, or when it is deleted: then its snapshots are too. */
async function admitReader({ client, requestId }: Call, documentId: string): Promise<void> {
  try {
    await client.read(documentId, { requestId, part: 'document', fields: [] });
  } catch (error) {
    // Then it has no snapshots, and who asks is told that.
    if (!(error instanceof ProtocolError) || error.code !== 'DOCUMENT_NOT_FOUND') throw error;
  }
}

function documentOf({ parameters }: Call): string {
  return parameters['id'] ?? '';
}

function actorOf({ client, address, requestId }: Call): SnapshotActor {
  return { userId: client.userId, address, requestId };
}

function ok(body: object): Answer {
  return { status: '200 OK', body };
}

function shown({ id, documentId, version, sizeBytes, createdAt }: SnapshotInfo): object {
  return { id, documentId, version, sizeBytes, createdAt: new Date(createdAt).toISOString(), compressed: false };
}

/** The state as it is, which to parse and write again would change. */
function whole({ state, ...info }: Snapshot): Answer {
  const head = JSON.stringify(shown(info));
  const bytes = Buffer.concat([Buffer.from(`${head.slice(0, -1)},"state":`), state, Buffer.from('}')]);
  return { status: '200 OK', content: { type: 'application/json', bytes } };
}
