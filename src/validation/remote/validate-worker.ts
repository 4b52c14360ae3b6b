/** What the thread that asks about writes runs: Piscina calls the default export with each. */
import { ProtocolError } from '../../errors.js';
import signedCall, { type CallAnswer } from '../../outbound/signed-call.js';
import { parseMergePatch } from '../../protocol/merge-patch.js';
import { parseMessage } from '../../protocol/message.js';
import { parseOperations, type SetOperation } from '../../protocol/operations.js';

export interface ValidateCall {
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: number;
  readonly maxValueDepth: number;
  readonly write: {
    readonly documentId: string;
    readonly userId: string;
    readonly address: string;
    /** What the payload is: a message, or a merge patch of the fields. */
    readonly kind: 'delta' | 'delta_batch' | 'patch';
    readonly form: 'binary' | 'json';
    readonly payload: Uint8Array;
  };
}

/** Undefined: there is nothing to ask about, as the write sets no field, or the shard is going to refuse it. */
export type ValidateAnswer = CallAnswer | undefined;

export default async function validate(call: ValidateCall): Promise<ValidateAnswer> {
  const sets = setsOf(call);
  if (sets.length === 0) return undefined;
  const { documentId, userId, address } = call.write;
  const about = JSON.stringify({ documentId, userId, address });
  // Values go as they came: numbers of any size among them.
  const changes = sets.map(({ field, value, deleted }) =>
    deleted
      ? `{"field":${JSON.stringify(field)},"deleted":true}`
      : `{"field":${JSON.stringify(field)},"value":${value}}`,
  );
  return signedCall({ ...call, body: `${about.slice(0, -1)},"changes":[${changes.join(',')}]}` });
}

function setsOf({ write, maxValueDepth }: ValidateCall): readonly SetOperation[] {
  const { kind, form, payload, documentId } = write;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  try {
    if (kind === 'patch') return parseMergePatch(bytes, { timestamp: 0, clockMax: 0 }, maxValueDepth);
    const head = { kind: 'frame', type: kind, form, timestamp: 0, start: 0, end: bytes.length } as const;
    return parseOperations(parseMessage(bytes, head), documentId, maxValueDepth).sets;
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}
