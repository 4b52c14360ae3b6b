import type { ChunkAssembler } from '../../protocol/chunks.js';
import type { Session } from './session.js';

/** Forgets the chunks of a session whose messages are not complete in time. @param timeoutMs From chunk to chunk. */
export function watchChunks(session: Session, chunks: ChunkAssembler, timeoutMs: number): void {
  session.chunkTimer ??= setTimeout(() => {
    session.chunkTimer = undefined;
    chunks.expire(performance.now());
    if (chunks.sets > 0 && session.isOpen) watchChunks(session, chunks, timeoutMs);
  }, timeoutMs);
}
