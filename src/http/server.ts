/** The HTTP routes on the node's uWebSockets app. */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { errors } from '../errors.js';
import { send, type Answer } from './answer.js';
import { createCors } from './cors.js';
import type { HttpDeps } from './ports.js';
import { createRoutes } from './routes.js';

/**
 * Handles every request that no other route of the app matches, so the order of registration does not matter. All
 * answers are sent within the handler, so no request has to be watched for an abort.
 */
export function registerHttp(app: TemplatedApp, deps: HttpDeps): void {
  const routes = createRoutes(deps);
  const cors = createCors(deps.config.corsOrigins);

  const answer = (method: string, path: string, origin: string): Answer => {
    const route = routes.get(path);
    if (route === undefined) return { status: '404 Not Found', body: { error: 'Not found' } };
    switch (method) {
      case 'get':
      case 'head':
        return route();
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

  app.any('/*', (response: HttpResponse, request: HttpRequest) => {
    const method = request.getMethod();
    const path = request.getUrl();
    const origin = request.getHeader('origin');
    let reply: Answer;
    try {
      reply = answer(method, path, origin);
    } catch (error) {
      deps.log.error({ err: error, method, url: path }, 'an HTTP request failed');
      reply = { status: '500 Internal Server Error', body: { error: errors.INTERNAL.sentence } };
    }
    const headers = [...(reply.headers ?? []), ...cors.headers(origin)];
    send(response, { ...reply, headers }, { withBody: method !== 'head', close: deps.draining() });
  });
}
