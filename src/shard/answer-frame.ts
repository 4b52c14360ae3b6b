import type { AnswerWriter } from '../messages/answer.js';
import type { ByteWriter } from '../protocol/byte-writer.js';
import type { MessageType } from '../protocol/codes.js';
import { closeFrame, openFrame, type Encoding } from '../protocol/encode.js';

/** Writes a frame into an answer. @param now Milliseconds since the epoch. @param write Writes its body. */
export function frame(
  { frames }: AnswerWriter,
  now: number,
  type: MessageType,
  encoding: Encoding,
  write: (writer: ByteWriter) => void,
): void {
  const opened = openFrame(frames, type, now, encoding);
  write(frames);
  closeFrame(frames, opened);
}
