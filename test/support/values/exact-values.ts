/** Values that JSON.parse or a database would change, and frames as the text that they are. */
import { typeCodes, type MessageType } from '../../../src/protocol/codes.js';
import type { RawClient } from '../clients/client.js';
import { until } from '../nodes/server.js';

/** Each as it is sent, and as it must come back. */
export const exactValues: readonly (readonly [sent: string, kept: string])[] = [
  ...['9007199254740993', '3791411052119578828', '1E400', '1e400', '-0', '-0.0', '1.10', '0.1e-7', '1e99999'],
  ...[
    '"\\u0041\\/"',
    '"\\u0000"',
    '"\\ud83d"',
    '{"\\n":1,"\\u0001":2,"\\n":3}',
    '[[1e5],{"b":1,"a":-0,"b":3}]',
    '"\u{1f600}"',
  ],
]
  .map((value): readonly [string, string] => [value, value])
  .concat([
    [' {"b" : 12345678901234567890 ,\n"a b": [ 1.0, "c d" ] }', '{"b":12345678901234567890,"a b":[1.0,"c d"]}'],
  ]);

/** Sends a message whose fields are written as this text. */
export function sendText({ socket }: RawClient, encoding: 'binary' | 'json', type: MessageType, fields: string): void {
  if (encoding === 'json') {
    socket.send(`{"type":"${type}","timestamp":${Date.now()},${fields}}`);
    return;
  }
  const json = Buffer.from(`{${fields}}`);
  const head = Buffer.alloc(13);
  head[0] = typeCodes[type];
  head.writeBigInt64BE(BigInt(Date.now()), 1);
  head.writeUInt32BE(json.length, 9);
  socket.send(Buffer.concat([head, json]));
}

/** The text of each frame that comes from now on. */
export function textsOf({ socket }: RawClient): string[] {
  const texts: string[] = [];
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    texts.push(data.toString('utf8', isBinary ? 13 : 0));
  });
  return texts;
}

/** Waits until one of the texts holds a part. */
export async function holding(texts: readonly string[], part: string): Promise<string> {
  let found: string | undefined;
  await until(`a frame with ${part}`, () => (found = texts.find((text) => text.includes(part))) !== undefined);
  return found!;
}
