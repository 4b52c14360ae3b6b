/** Large frames: the state of a text is lifted out, and whatever is not as clients write it is parsed as a whole. */
import fc from 'fast-check';
import { test } from 'tap';
import { ProtocolError } from '../../src/errors.js';
import { liftText } from '../../src/protocol/large-text.js';
import { parseMessage } from '../../src/protocol/message.js';
import { parseOperations, type Operations, type TextOperation } from '../../src/protocol/operations.js';
import { parseWrite } from '../../src/protocol/write.js';
import type { FrameHead } from '../../src/protocol/frame.js';
import { hardStrings } from '../support/json-text.js';
import { holds } from '../support/property.js';

const padding = 'x'.repeat(20_000);

function headOf(bytes: Buffer): FrameHead {
  return { kind: 'frame', type: 'delta_batch', form: 'binary', timestamp: 1, start: 0, end: bytes.length };
}

/** Whether what was lifted is the content of a well-formed string, as the core finds out. */
function isString({ state }: TextOperation): boolean {
  if (typeof state === 'string') return true;
  try {
    return (JSON.parse(`"${state.toString()}"`) as string).isWellFormed();
  } catch {
    return false;
  }
}

/** With each state as the text that it stands for. */
function plain(operations: Operations): Operations {
  const texts = operations.texts.map(({ state, ...rest }) => ({
    ...rest,
    state: typeof state === 'string' ? state : (JSON.parse(`"${state.toString()}"`) as string),
  }));
  return { ...operations, texts };
}

function outcome(parse: () => Operations): unknown {
  try {
    return plain(parse());
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

/** What the way of large frames makes of a text, and what parsing the whole does. */
function bothWays(text: string): [unknown, unknown] {
  const bytes = Buffer.from(text);
  return [
    outcome(() => {
      const write = parseWrite(bytes, headOf(bytes));
      const operations = write.operations('d');
      return operations.texts.every(isString) ? operations : write.whole('d');
    }),
    outcome(() => parseOperations(parseMessage(bytes, headOf(bytes)), 'd')),
  ];
}

function batch(state: string, more: object = {}, others: readonly object[] = []): string {
  const deltas = [{ type: 'text-state', documentId: 'd', state, clientId: 'c', timestamp: 1, clock: 2, ...more }];
  return JSON.stringify({ documentId: 'd', messageId: 'm', deltas: [...deltas, ...others] });
}

test('the state of a large text is lifted, small ones and other frames are not', (t) => {
  const isLifted = (text: string): boolean => liftText(Buffer.from(text), headOf(Buffer.from(text))) !== undefined;
  t.equal(isLifted(batch(padding)), true);
  t.equal(isLifted(batch('small')), false);
  t.equal(isLifted(JSON.stringify({ deltas: [{ field: 'a', value: padding }] })), false);
  const bytes = Buffer.from(batch(`"${padding}\\`));
  const { message, operations } = parseWrite(bytes, headOf(bytes));
  t.equal(message.fields['messageId'], 'm');
  t.ok(Buffer.isBuffer(operations('d').texts[0]?.state));
  t.end();
});

test('frames that only look like it are parsed as a whole', (t) => {
  const state = { state: padding, then: 1 };
  const text = batch(padding, {}, [{ field: 'f', value: 1 }]);
  const frames = [
    JSON.stringify({ deltas: [{ field: 'f', value: state }] }),
    JSON.stringify({ state: padding, other: 'x', deltas: [] }),
    batch(padding, {}, [{ type: 'text-state', state: padding, clientId: 'e' }]),
    JSON.stringify({
      deltas: [
        { field: 'f', value: state },
        { type: 'text-state', state: padding, clientId: 'e' },
      ],
    }),
    batch(padding, { documentId: 'another' }),
    text.replace('"clock":2', '"clock":'),
    text.replace(padding, `${padding}","state":"${padding}`),
    text.slice(0, -30),
    text.replace(`"${padding}"`, `"${padding}" `),
    text.replace(padding, `${padding}\\`),
    text.replace(padding, `${padding}\\\\`),
    text.replace(padding, `${padding}\\",`),
  ];
  for (const frame of frames) {
    const [lifted, whole] = bothWays(frame);
    t.strictSame(lifted, whole, `${frame.slice(0, 60)} … ${frame.slice(-60)}`);
  }
  t.end();
});

test('both ways are the same for any state and any neighbours', (t) => {
  const entries = fc.oneof(
    fc.record({ field: hardStrings, value: fc.oneof(hardStrings, fc.record({ state: hardStrings })) }),
    fc.record({ type: fc.constant('counter'), value: hardStrings }),
  );
  holds(
    t,
    fc.property(hardStrings, hardStrings, fc.array(entries, { maxLength: 3 }), (before, after, others) => {
      const [lifted, whole] = bothWays(batch(before + padding + after, {}, others));
      return JSON.stringify(lifted) === JSON.stringify(whole);
    }),
  );
  t.end();
});
