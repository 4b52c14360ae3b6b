/** Serves the routes of the HTTP API: checks the form of requests, and says who sends them. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { z } from 'zod';
import { createOrigins } from '../../auth/origins.js';
import { ProtocolError } from '../../errors.js';
import { refuse, respond, type Answer } from '../answer.js';
import { checkPage, readHead, type RequestHead } from './request-head.js';
import { readBytes, type BodyFault, type BodyMemory, type ReadBody } from '../body.js';
import { createCors } from '../cors.js';
import { refusal, refusalFor } from './answers.js';
import type { ApiDeps, DocumentClient } from './ports.js';
import { documentIdSchema, type Call, type Route } from './route.js';
import { serveEvents } from './serve-events.js';
import { Routing } from './routing.js';

export interface ServeOptions extends ApiDeps {
  /** Of the bodies of all requests. */
  readonly bodies: BodyMemory;
  /** Of the answers that wait for clients. */
  readonly answers: BodyMemory;
}

/** Requests that are being received or answered; further ones are refused. */
const maxInProgress = 1_000;
const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const exposed = ['Access-Control-Expose-Headers', 'ETag, Retry-After, X-Request-Id'] as const;
const withBody = new Set(['post', 'put', 'patch']);
const faults: Readonly<Record<BodyFault, Answer>> = {
  tooLarge: { ...refusal('MESSAGE_TOO_LARGE'), close: true },
  crowded: { ...refusal('RATE_LIMIT_EXCEEDED'), close: true },
  late: { ...refusal('INVALID_REQUEST', 'Request timeout'), status: '408 Request Timeout', close: true },
  // Nobody gets it.
  gone: refusal('INVALID_REQUEST'),
};

/** Handles the requests of the paths that it is registered for. */
export function createHandler(options: ServeOptions, routes: readonly Route[]): Handle {
  const { config, log, bodies, answers } = options;
  const routing = new Routing(routes);
  const origins = createOrigins(config);
  const cors = createCors(origins, methods);
  const limits = {
    maxBytes: config.maxPayloadBytes,
    timeoutMs: config.httpTimeoutMs,
    memory: bodies,
    maxParts: config.maxHttpBodyParts,
  };
  let inProgress = 0;

  const answer = async (asked: RequestHead, body: ReadBody | undefined, onClient: OnClient): Promise<Answer> => {
    const found = routing.find(asked.method, asked.path);
    if ('methods' in found) return notFound(found.methods);
    const { spec, handle } = found.route;
    if (handle === undefined) return notFound(['GET']);
    try {
      checkPage(asked, origins);
      const query = check(spec.query ?? nothing, asked.query);
      if ('id' in found.parameters && !documentIdSchema.safeParse(found.parameters['id']).success) {
        throw new ProtocolError('INVALID_DOCUMENT_ID');
      }
      const contentType = asked.contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
      if (spec.body !== undefined && !spec.body.contentTypes.includes(contentType)) {
        throw new ProtocolError('UNSUPPORTED_MEDIA_TYPE');
      }
      const client = await options.open(asked);
      onClient(client);
      const bytes = body === undefined ? Buffer.alloc(0) : await body.result;
      if (typeof bytes === 'string') return faults[bytes];
      const { headers, requestId, address } = asked;
      const call: Call = {
        client,
        parameters: found.parameters,
        query,
        headers,
        contentType,
        body: bytes,
        requestId,
        address,
      };
      return await handle(call);
    } catch (error) {
      // Who is refused before all of it has come sends the rest first, of which nothing is kept.
      body?.drop();
      const bytes = await body?.result;
      if (typeof bytes === 'string') return faults[bytes];
      const known = refusalFor(error);
      if (known !== undefined) return known;
      log.error(
        { err: error, method: asked.method, url: asked.path, requestId: asked.requestId },
        'an HTTP request failed',
      );
      return refusal('INTERNAL');
    }
  };

  return (response, request) => {
    const refused = options.refusalOf(response, request);
    if (refused !== undefined) {
      refuse(response, refused);
      return;
    }
    const asked = readHead(request, options.addressOf(response, request));
    const { method, origin } = asked;
    const exposure = origin === '' ? [] : [exposed];
    const own = [...cors.headers(origin), ['X-Request-Id', asked.requestId] as const, ...exposure];
    const events = method === 'get' ? routing.find(method, asked.path) : undefined;
    if (events !== undefined && 'route' in events && events.route.handle === undefined) {
      serveEvents(response, asked, events.parameters['id'] ?? '', own, { ...options, origins });
      return;
    }
    const onTooManyParts = (): void => {
      options.refuseParts(asked.address);
    };
    const body = withBody.has(method) ? readBytes(response, limits, { onTooManyParts }) : undefined;
    let client: DocumentClient | undefined;
    let answerBytes = 0;
    let isDone = false;
    let isCounted = false;
    const make = (): Answer | Promise<Answer> => {
      if (method === 'options') return { status: '204 No Content', headers: cors.preflight(origin) };
      const unready = options.unready();
      if (unready !== undefined) return refusal('SHUTTING_DOWN', unready);
      if (inProgress >= maxInProgress) return refusal('RATE_LIMIT_EXCEEDED');
      inProgress++;
      isCounted = true;
      return answer(asked, body, (opened) => {
        client = opened;
        // The client has gone while it was being opened.
        if (isDone) opened.close();
      });
    };
    const prepare = async (): Promise<Answer> => {
      const made = await make();
      let reply: Answer = made;
      const bytes = made.content?.bytes.length ?? 0;
      if (!isDone && answers.take(bytes)) answerBytes = bytes;
      else reply = refusal('RATE_LIMIT_EXCEEDED');
      if (!isDone && reply.uncounted !== undefined) options.onRefused(reply.uncounted);
      // Clients of the reference server compare the type exactly.
      return { contentType: 'application/json', ...reply, headers: [...(reply.headers ?? []), ...own] };
    };
    const onDone = (): void => {
      isDone = true;
      if (isCounted) inProgress--;
      body?.release();
      client?.close();
      answers.giveBack(answerBytes);
    };
    respond(response, prepare, {
      withBody: method !== 'head',
      close: options.unready() !== undefined,
      sendTimeoutMs: (bytes) => config.httpTimeoutMs + (1_000 * bytes) / config.minHttpAnswerRate,
      onDone,
    });
  };
}

type OnClient = (client: DocumentClient) => void;
export type Handle = (response: HttpResponse, request: HttpRequest) => void;

const nothing = z.strictObject({});

function check(schema: z.ZodType, query: URLSearchParams): unknown {
  const given: Record<string, string> = {};
  for (const [name, value] of query) given[name] = name in given ? `${given[name] ?? ''},${value}` : value;
  const checked = schema.safeParse(given);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new ProtocolError('INVALID_REQUEST', `${issue?.path.join('.') ?? 'query'}: ${issue?.message ?? ''}`);
}

function notFound(methods: readonly string[]): Answer {
  if (methods.length === 0) return refusal('NOT_FOUND');
  const { headers = [], ...rest } = refusal('METHOD_NOT_ALLOWED');
  return { ...rest, headers: [...headers, ['Allow', [...methods, 'OPTIONS'].join(', ')]] };
}
