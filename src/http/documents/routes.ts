/** The routes that read and write one document. */
import type { DocumentWrite } from '../../messages/document-request.js';
import type { Answer } from '../answer.js';
import { noContent } from '../api/answers.js';
import type { Call, Route } from '../api/route.js';
import { tagsOf } from './conditions.js';
import { historyRoutes } from './history.js';
import type { Idempotency } from './idempotency.js';
import { lifecycleRoutes } from './lifecycle.js';
import * as specs from './specs.js';

/** @param idempotency Of all writes of this process. */
export function documentRoutes(
  idempotency: Idempotency,
  bounds: Parameters<typeof historyRoutes>[0],
): readonly Route[] {
  return [
    ...lifecycleRoutes,
    ...historyRoutes(bounds),
    { spec: specs.getDocument, handle: getDocument },
    { spec: specs.patchDocument, handle: (call) => write(idempotency, call, 'patch') },
    { spec: specs.getText, handle: getText },
    {
      spec: specs.putText,
      handle: (call) => write(idempotency, call, call.contentType === 'text/plain' ? 'text' : 'textJson'),
    },
    { spec: specs.followDocument, handle: undefined },
    { spec: specs.postDeltas, handle: (call) => write(idempotency, call, 'deltas') },
  ];
}

async function getDocument(call: Call): Promise<Answer> {
  const { fields } = call.query as specs.DocumentQuery;
  return readDocument(call, fields, tagsOf(call.headers['if-none-match'] ?? ''));
}

async function readDocument(
  { client, parameters, requestId }: Call,
  fields?: readonly string[],
  ifNoneMatch?: readonly string[],
): Promise<Answer> {
  const id = parameters['id'] ?? '';
  const { tag, isKnown, body } = await client.read(id, { requestId, part: 'document', fields, ifNoneMatch });
  const headers = [['ETag', `"${tag}"`]] as const;
  if (isKnown) return { status: '304 Not Modified', headers };
  return { status: '200 OK', headers, content: { type: 'application/json', bytes: body } };
}

async function getText({ client, parameters, headers, requestId }: Call): Promise<Answer> {
  const id = parameters['id'] ?? '';
  const ifNoneMatch = tagsOf(headers['if-none-match'] ?? '');
  const { tag, isKnown, body } = await client.read(id, { requestId, part: 'text', ifNoneMatch });
  const etag = [['ETag', `"${tag}"`]] as const;
  if (isKnown) return { status: '304 Not Modified', headers: etag };
  return { status: '200 OK', headers: etag, content: { type: 'text/plain; charset=utf-8', bytes: body } };
}

async function write(idempotency: Idempotency, call: Call, form: DocumentWrite['form']): Promise<Answer> {
  const { client, parameters, headers, body, address } = call;
  const id = parameters['id'] ?? '';
  const { 'if-match': match = '', 'if-none-match': noneMatch = '', 'idempotency-key': key = '' } = headers;
  const head: DocumentWrite = { form, ifMatch: tagsOf(match), ifNoneMatch: tagsOf(noneMatch) };
  const make = async (): Promise<Answer> => {
    await client.write(id, head, body);
    return noContent;
  };
  if (key === '') await make();
  else {
    // Also who only asks again.
    await client.checkWrite(id);
    const what = JSON.stringify([form, id, head]);
    const owner = client.isAnonymous ? address : client.userId;
    await idempotency.answer({ owner, key, what, body }, make);
  }
  const wantsDocument =
    form !== 'text' &&
    form !== 'textJson' &&
    /(^|[\s,;])return=representation($|[\s,;])/i.test(headers['prefer'] ?? '');
  if (!wantsDocument) return noContent;
  const answer = await readDocument(call);
  return { ...answer, headers: [...(answer.headers ?? []), ['Preference-Applied', 'return=representation']] };
}
