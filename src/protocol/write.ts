import { ProtocolError } from '../errors.js';
import type { FrameHead } from './frame.js';
import { liftText } from './large-text.js';
import { parseMessage, type Message } from './message.js';
import { parseOperations, type Operations } from './operations.js';

/** A `delta` or `delta_batch` of which the operations are not looked at yet. */
export interface Write {
  /** Without the state of a large text. */
  readonly message: Message;
  /**
   * @param documentId The document the message was routed by.
   * @throws ProtocolError As parseOperations.
   */
  readonly operations: (documentId: string) => Operations;
  /** Whether the state of a text may have been taken out of the frame. */
  readonly isLifted: boolean;
  /** The operations with nothing taken out; for when that was a mistake. */
  readonly whole: (documentId: string) => Operations;
}

/** @throws ProtocolError As parseMessage. */
export function parseWrite(bytes: Buffer, head: FrameHead): Write {
  return parseLifted(bytes, head) ?? parseWhole(bytes, head);
}

function parseWhole(bytes: Buffer, head: FrameHead): Write {
  const message = parseMessage(bytes, head);
  const operations = (documentId: string): Operations => parseOperations(message, documentId);
  return { message, operations, isLifted: false, whole: operations };
}

/** With the state of a text apart; whenever something is not as expected, the whole is parsed instead. */
function parseLifted(bytes: Buffer, head: FrameHead): Write | undefined {
  const lifted = liftText(bytes, head);
  if (lifted === undefined) return undefined;
  const { rest, state } = lifted;
  const message = orUndefined(() => parseMessage(rest, { ...head, start: 0, end: rest.length }));
  if (message === undefined) return undefined;
  const whole = (documentId: string): Operations => parseWhole(bytes, head).operations(documentId);
  return {
    message,
    operations: (documentId) => {
      const operations = orUndefined(() => parseOperations(message, documentId, state));
      const isTaken = operations?.texts.some((text) => text.state === state) === true;
      return isTaken ? operations : whole(documentId);
    },
    isLifted: true,
    whole,
  };
}

function orUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
