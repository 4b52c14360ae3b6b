/** The acceptor's side of the answer format (answer.ts). */
import type { Encoding } from '../protocol/encode.js';
import { entries, FLAG_JSON, FLAG_LAST, TRAILER_BYTES, type ShardStatus } from './answer.js';

/** What is done with each entry; see the methods of `AnswerWriter`. Frames are views, types are codes of the protocol. */
export interface AnswerHandler {
  publish(
    documentId: string,
    variant: number,
    frame: Uint8Array,
    type: number,
    receivedAt: number,
    except: number,
  ): void;
  echo(documentId: string, variant: number, session: number, frame: Uint8Array, type: number): void;
  reply(session: number, encoding: Encoding, frame: Uint8Array, type: number, receivedAt: number): void;
  read(session: number, encoding: Encoding, frame: Uint8Array, type: number, read: number, isLast: boolean): void;
  settled(task: number): void;
  settledGroup(task: number, group: number): void;
  relayed(task: number, group: number, records: number): void;
  status(status: ShardStatus): void;
  /** @param message Of another process, in the format of the bus; a view into the answer. */
  awareness(documentId: string, message: Uint8Array): void;
  awarenessActive(documentId: string): void;
  /** The document has changed, and there is nothing to send. */
  changed(documentId: string): void;
  /** A document is deleted or erased. */
  ended(documentId: string): void;
  /** A write of this session has created a document. */
  created(session: number): void;
}

/** Calls the handler for each entry, in order. @throws Error for bytes that no `AnswerWriter` has written. */
export function readAnswer(answer: Uint8Array<ArrayBuffer>, handler: AnswerHandler): void {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const entriesEnd = bytes.length - TRAILER_BYTES;
  let at = 0;
  while (at < entriesEnd) {
    switch (bytes[at]) {
      case entries.publish: {
        const frameAt = at + 22 + bytes.readUInt16LE(at + 20);
        const end = frameAt + 4 + bytes.readUInt32LE(frameAt);
        const documentId = bytes.toString('latin1', at + 22, frameAt);
        const frame = bytes.subarray(frameAt + 4, end);
        handler.publish(
          documentId,
          bytes.readUInt16LE(at + 1),
          frame,
          bytes.readUInt8(at + 3),
          bytes.readDoubleLE(at + 4),
          bytes.readDoubleLE(at + 12),
        );
        at = end;
        break;
      }
      case entries.echo: {
        const frameAt = at + 14 + bytes.readUInt16LE(at + 12);
        const end = frameAt + 4 + bytes.readUInt32LE(frameAt);
        handler.echo(
          bytes.toString('latin1', at + 14, frameAt),
          bytes.readUInt16LE(at + 1),
          bytes.readDoubleLE(at + 4),
          bytes.subarray(frameAt + 4, end),
          bytes.readUInt8(at + 3),
        );
        at = end;
        break;
      }
      case entries.reply:
      case entries.read: {
        const flags = bytes.readUInt8(at + 1);
        const end = at + 23 + bytes.readUInt32LE(at + 19);
        const encoding = (flags & FLAG_JSON) === 0 ? 'binary' : 'json';
        const type = bytes.readUInt8(at + 2);
        const number = bytes.readDoubleLE(at + 3);
        const session = bytes.readDoubleLE(at + 11);
        const frame = bytes.subarray(at + 23, end);
        if (bytes[at] === entries.reply) handler.reply(session, encoding, frame, type, number);
        else handler.read(session, encoding, frame, type, number, (flags & FLAG_LAST) !== 0);
        at = end;
        break;
      }
      case entries.settled:
        handler.settled(bytes.readDoubleLE(at + 1));
        at += 9;
        break;
      case entries.settledGroup:
        handler.settledGroup(bytes.readDoubleLE(at + 1), bytes.readUInt32LE(at + 9));
        at += 13;
        break;
      case entries.relayed:
        handler.relayed(bytes.readDoubleLE(at + 1), bytes.readUInt32LE(at + 9), bytes.readUInt32LE(at + 13));
        at += 17;
        break;
      case entries.status:
        handler.status({
          storageHealthy: bytes.readUInt8(at + 1) === 1,
          ...(bytes.readUInt8(at + 1) === 2 ? { storageLost: true } : {}),
          busConnected: bytes.readUInt8(at + 2) === 1,
          documents: bytes.readUInt32LE(at + 3),
          bytes: bytes.readDoubleLE(at + 7),
          pendingBytes: bytes.readDoubleLE(at + 15),
        });
        at += 23;
        break;
      case entries.awareness: {
        const messageAt = at + 3 + bytes.readUInt16LE(at + 1) + 4;
        const end = messageAt + bytes.readUInt32LE(messageAt - 4);
        handler.awareness(bytes.toString('latin1', at + 3, messageAt - 4), bytes.subarray(messageAt, end));
        at = end;
        break;
      }
      case entries.awarenessActive: {
        const end = at + 3 + bytes.readUInt16LE(at + 1);
        handler.awarenessActive(bytes.toString('latin1', at + 3, end));
        at = end;
        break;
      }
      case entries.changed: {
        const end = at + 3 + bytes.readUInt16LE(at + 1);
        handler.changed(bytes.toString('latin1', at + 3, end));
        at = end;
        break;
      }
      case entries.ended: {
        const end = at + 3 + bytes.readUInt16LE(at + 1);
        handler.ended(bytes.toString('latin1', at + 3, end));
        at = end;
        break;
      }
      case entries.created:
        handler.created(bytes.readDoubleLE(at + 1));
        at += 9;
        break;
      default:
        throw new Error(`unknown entry ${bytes[at] ?? -1} at ${at} of an answer`);
    }
  }
}
