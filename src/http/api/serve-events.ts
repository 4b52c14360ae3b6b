/** Answers requests for a document's events. */
import type { HttpResponse } from 'uWebSockets.js';
import type { Origins } from '../../auth/origins.js';
import { ProtocolError } from '../../errors.js';
import { sendAnswer, type Answer } from '../answer.js';
import { refusalFor, refusal } from './answers.js';
import { EventSink } from './event-sink.js';
import type { ApiDeps, Following } from './ports.js';
import { checkPage, type RequestHead } from './request-head.js';
import { documentIdSchema } from './route.js';

/**
 * Must be called within the request's handler.
 *
 * @param headers Of the answer.
 */
export function serveEvents(
  response: HttpResponse,
  asked: RequestHead,
  documentId: string,
  headers: readonly (readonly [string, string])[],
  deps: Pick<ApiDeps, 'config' | 'log' | 'follow' | 'unready' | 'onRefused'> & { readonly origins: Origins },
): void {
  const { log, follow, unready, config } = deps;
  let following: Following | undefined;
  let isGone = false;
  const leave = (): void => {
    isGone = true;
    following?.close();
  };
  const sink = new EventSink({
    ...{ response, headers, heartbeatMs: config.eventHeartbeatMs, onEnd: leave },
    onDrained: (waitingBytes) => following?.drained(waitingBytes),
  });
  response.onAborted(() => {
    sink.close();
    leave();
  });
  const begin = async (): Promise<void> => {
    const reason = unready();
    if (reason !== undefined) throw new ProtocolError('SHUTTING_DOWN');
    if (!documentIdSchema.safeParse(documentId).success) throw new ProtocolError('INVALID_DOCUMENT_ID');
    // Scripts can set no header of an EventSource.
    const token = asked.query.get('token') ?? '';
    const credential = token === '' ? asked.credential : ({ kind: 'token', text: token } as const);
    checkPage({ ...asked, credential }, deps.origins);
    const lastEventId = asked.headers['last-event-id'];
    const request = { documentId, requestId: asked.requestId, lastEventId };
    const opened = await follow({ address: asked.address, credential }, request, sink);
    // It may have gone, or have been ended, while it was being opened.
    if (isGone) opened.close();
    else following = opened;
  };
  begin().catch((error: unknown) => {
    if (isGone) return;
    const known = refusalFor(error);
    if (known === undefined) log.error({ err: error, requestId: asked.requestId }, 'events could not be sent');
    const answer: Answer = known ?? refusal('INTERNAL');
    if (sink.isBegun) sink.end();
    else {
      sink.close();
      isGone = true;
      if (answer.uncounted !== undefined) deps.onRefused(answer.uncounted);
      const all = [...(answer.headers ?? []), ...headers];
      sendAnswer(response, { contentType: 'application/json', ...answer, headers: all, close: true });
    }
  });
}
