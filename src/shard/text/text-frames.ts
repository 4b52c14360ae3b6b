import type { TextStore } from '@synckit/core-wasm';
import type { ByteWriter } from '../../protocol/byte-writer.js';
import { quote } from '../../protocol/encode.js';
import { variants } from '../../messages/task.js';
import type { Outbox, Variant } from '../outbox.js';
import type { TextJoin, TextSender } from './text-join.js';

/** A text is understood by all clients that have one, whatever they have shown to understand. */
const encodings: readonly Variant[] = [
  { variant: variants.binaryAny, encoding: 'binary' },
  { variant: variants.jsonAny, encoding: 'json' },
];

export interface TextAnswer {
  readonly outbox: Outbox;
  readonly core: TextStore;
  /** Of the core. */
  readonly handle: number;
  readonly documentId: string;
  /** L of this flush. */
  readonly server: number;
  /** Of the oldest write, in ms of the acceptor's clock; 0 for what another node took. */
  readonly receivedAt: number;
}

/**
 * Answers a flush of a text. Where one session sent exactly what the text is now, the others get it in its name; else
 * everybody gets what the states were joined to, those who sent them too: their clients would not come to the same by
 * themselves (crdt-core 3.8). Where nothing changed, only those get it who sent less than there is.
 *
 * @param wanted Bits of `variants` that have subscribers.
 */
export function answerTexts(answer: TextAnswer, merge: TextJoin, wanted: number): void {
  const senders = [...merge.senders.values()];
  const [first] = senders;
  if (first === undefined) return;
  if (merge.changed) {
    const author = senders.length === 1 && first.same ? first : undefined;
    publish(answer, wanted, author, first.operation.clock);
    return;
  }
  const outdated = senders.filter(({ same }) => !same);
  if (outdated.length === 0) return;
  const state = answer.core.state(answer.handle, true);
  for (const { origin, operation } of outdated) {
    answer.outbox.replyWith(origin, 'delta_batch', (writer) => {
      writeText(writer, answer, state, 'server', serverClock(answer, operation.clock));
    });
  }
}

/** Relays operations to the document's subscribers, except the session that they came from. */
export function relayOperations(
  outbox: Outbox,
  documentId: string,
  entries: readonly string[],
  wanted: number,
  except: number,
  receivedAt: number,
): void {
  for (const variant of variantsIn(wanted)) {
    outbox.publishWith(documentId, variant, except, 'delta_batch', receivedAt, (writer) => {
      writer.text(`"id":${quote(outbox.nextId())},"documentId":"${documentId}","deltas":[${entries.join(',')}]`);
    });
  }
}

/** Sends all subscribers the text as it is. */
export function publishText(answer: TextAnswer, wanted: number): void {
  publish(answer, wanted, undefined, undefined);
}

/** @param like Of the kind that is used. */
function publish(answer: TextAnswer, wanted: number, author: TextSender | undefined, like: string | undefined): void {
  const wide = variantsIn(wanted);
  if (wide.length === 0) return;
  const { outbox, core, handle, documentId, receivedAt } = answer;
  const state = author?.asSent ?? core.state(handle, true);
  const clientId = author?.operation.clientId ?? 'server';
  const clock = author?.operation.clock ?? serverClock(answer, like);
  for (const variant of wide) {
    outbox.publishWith(documentId, variant, author?.origin.session ?? 0, 'delta_batch', receivedAt, (writer) => {
      writeText(writer, answer, state, clientId, clock);
    });
  }
}

function variantsIn(wanted: number): Variant[] {
  return encodings.filter(({ variant }) => (variant & wanted) !== 0);
}

/** A number where the client sent one, else a vector clock. */
function serverClock({ core, handle, server }: TextAnswer, clock: string | undefined): string {
  return clock?.startsWith('{') === true ? `{"server":${server}}` : String(core.clock(handle));
}

function writeText(
  writer: ByteWriter,
  { outbox, documentId }: TextAnswer,
  state: Uint8Array,
  clientId: string,
  clock: string,
): void {
  writer.text(`"id":${quote(outbox.nextId())},"documentId":"${documentId}","deltas":[{"type":"text-state",`);
  writer.text(`"documentId":"${documentId}","state":"`);
  writer.bytes(state);
  writer.text(`","clientId":${quote(clientId)},"timestamp":${outbox.now},"clock":${clock}}],"isTextOperation":true`);
}
