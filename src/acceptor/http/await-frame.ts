import { ProtocolError, RefusedError } from '../../errors.js';
import type { MessageType } from '../../protocol/codes.js';
import type { HttpSession } from './http-session.js';
import { refusalOf } from './refusal.js';

export interface AwaitedFrame {
  /** The frame of the type that was asked for. Rejects with a ProtocolError when it is refused, late or abandoned. */
  readonly frame: Promise<Buffer>;
  /** Gives it up. */
  readonly abandon: () => void;
}

/** A view of an answer to other requests too keeps all of it in memory: it is copied unless it is most of it. */
const MOST = 0.5;

/** Waits for the frame that answers what `ask` asks. @param timeoutMs For so long. */
export function awaitFrame(session: HttpSession, type: MessageType, timeoutMs: number, ask: () => void): AwaitedFrame {
  let abandon = (): void => undefined;
  const frame = new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new ProtocolError('STORAGE_UNAVAILABLE', 'it took too long; whether a write is stored is not known'));
    }, timeoutMs);
    const end = (): void => {
      clearTimeout(timer);
      reject(new ProtocolError('SHUTTING_DOWN'));
    };
    abandon = end;
    session.listen({
      onFrame: (bytes, sent) => {
        if (sent !== type && sent !== 'error') return;
        clearTimeout(timer);
        if (sent === type) {
          resolve(kept(bytes));
          return;
        }
        const { code, sentence, retryAfterMs } = refusalOf(bytes);
        reject(new RefusedError(code, sentence, retryAfterMs));
      },
      onState: () => undefined,
      onEnd: end,
    });
    try {
      ask();
    } catch (error) {
      clearTimeout(timer);
      reject(error instanceof Error ? error : new Error('it could not be asked', { cause: error }));
    }
  });
  return { frame, abandon };
}

function kept(frame: Uint8Array): Buffer {
  const view = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  return frame.byteLength > frame.buffer.byteLength * MOST ? view : Buffer.from(view);
}
