/** The HTTP routes on the node's uWebSockets app. */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { createOrigins } from '../auth/origins.js';
import { errors } from '../errors.js';
import { refuse, respond, type Answer } from './answer.js';
import { createCors } from './cors.js';
import { isOperator } from './operator-token.js';
import type { HttpDeps } from './ports.js';
import { createRoutes } from './routes.js';

/** Handles every request that no other route of the app matches, so the order of registration does not matter. */
export function registerHttp(app: TemplatedApp, deps: HttpDeps): void {
  const routes = createRoutes(deps);
  const cors = createCors(createOrigins(deps.config));

  const answer = (method: string, path: string, origin: string, isAllowed: boolean): Answer => {
    const route = routes.get(path);
    if (route === undefined) return { status: '404 Not Found', body: { error: 'Not found' } };
    switch (method) {
      case 'get':
      case 'head':
        return route(isAllowed);
      case 'options':
        return { status: '204 No Content', headers: cors.preflight(origin) };
      default:
        return {
          status: '405 Method Not Allowed',
          headers: [['Allow', 'GET, HEAD, OPTIONS']],
          body: { error: 'Method not allowed' },
        };
    }
  };

  const answerSafely = (...request: Parameters<typeof answer>): Answer => {
    const [method, url] = request;
    try {
      return answer(...request);
    } catch (error) {
      deps.log.error({ err: error, method, url }, 'an HTTP request failed');
      return { status: '500 Internal Server Error', body: { error: errors.INTERNAL.sentence } };
    }
  };

  app.any('/*', (response: HttpResponse, request: HttpRequest) => {
    const refusal = deps.refusalOf(response, request);
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    const method = request.getMethod();
    const path = request.getUrl();
    const origin = request.getHeader('origin');
    const isAllowed = isOperator(deps.config, request.getHeader('authorization'));
    const prepare = (): Answer => {
      const reply = answerSafely(method, path, origin, isAllowed);
      return { ...reply, headers: [...(reply.headers ?? []), ...cors.headers(origin)] };
    };
    respond(response, prepare, { withBody: method !== 'head', close: deps.draining() });
  });
}
