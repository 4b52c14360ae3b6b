import type { Bench } from '../bench.js';
import type { BareSettings } from '../servers/bare-server.js';
import type { StorageKind } from '../servers/measured-server.js';
import type { Peer, RunningPeer } from './peer.js';

/** Length of a `delta` with a value of 64 bytes and its WebSocket header left out. */
const FRAME_BYTES = 235;

export const bare: Peer = {
  name: 'bare uWebSockets.js',
  state: 'none',
  survives: '–',
  dialect: 'synckit',
  acks: false,
  async start(bench) {
    const server = await bench.bareServer();
    server.send({ frameBytes: FRAME_BYTES } satisfies BareSettings);
    return server;
  },
};

export const ours: readonly Peer[] = [
  peerOf('memory', 'nothing'),
  peerOf('lmdb', 'kill -9, power cut'),
  peerOf('postgres', 'kill -9, power cut'),
];

function peerOf(storage: StorageKind, survives: string): Peer {
  return {
    name: `ours, ${storage}`,
    state: 'LWW',
    survives,
    dialect: 'synckit',
    start: (bench) => start(bench, storage),
  };
}

async function start(bench: Bench, storage: StorageKind): Promise<RunningPeer> {
  const env = { SYNCKIT_AUTH_REQUIRED: 'false' };
  if (storage !== 'postgres') return bench.server({ storage, env });
  const postgres = await bench.postgres();
  const { pid, port } = await bench.server({ storage, database: await postgres.database(), env });
  return { pid, port, databasePid: postgres.pid };
}
