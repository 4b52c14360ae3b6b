/** Adds the routes about accounts to the node's app. */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { createOrigins } from '../../auth/origins.js';
import { errors } from '../../errors.js';
import { refuse as refuseAtOnce, respond, type Answer } from '../answer.js';
import { createCors } from '../cors.js';
import { administer } from '../admin/administer.js';
import { comeLater, refuse } from './answers.js';
import { head, readBody, type Asked, type Body } from './exchange.js';
import type { AuthHttpDeps } from './ports.js';
import { signInRoutes } from './sign-in.js';

/** Requests that are being answered; further ones are refused. */
const maxInProgress = 1_000;

const tooLarge: Answer = {
  status: '413 Payload Too Large',
  body: { error: 'Request body too large' },
  close: true,
};

export function registerAuth(app: TemplatedApp, deps: AuthHttpDeps): void {
  const routes = signInRoutes(deps);
  const cors = createCors(createOrigins(deps.config), 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  const preflight = (origin: string): Answer => ({ status: '204 No Content', headers: cors.preflight(origin) });
  let inProgress = 0;

  const answer = async (asked: Asked): Promise<Answer> => {
    const services = deps.services();
    if (services === undefined) return comeLater('unavailable', 'The server is starting', 1_000);
    if (asked.path.startsWith('/admin/')) return administer(deps, asked, services);
    const route = routes.get(`${asked.method} ${asked.path}`);
    if (route !== undefined) return route(asked, services);
    const methods = [...routes.keys()].map((key) => key.split(' ')).filter(([, path]) => path === asked.path);
    if (methods.length === 0) return refuse('notFound', 'Not found');
    const allowed = methods.map(([method = '']) => method.toUpperCase()).join(', ');
    return { ...refuse('notAllowed', 'Method not allowed'), headers: [['Allow', allowed]] };
  };

  const answerSafely = async (asked: Asked): Promise<Answer> => {
    if (inProgress >= maxInProgress) return comeLater('unavailable', 'Too many requests', 1_000);
    inProgress++;
    try {
      return await answer(asked);
    } catch (error) {
      const { method, path: url, requestId } = asked;
      deps.log.error({ err: error, method, url, requestId }, 'an HTTP request failed');
      return comeLater('unavailable', errors.STORAGE_UNAVAILABLE.sentence, 1_000);
    } finally {
      inProgress--;
    }
  };

  const answerBody = async (asked: Omit<Asked, 'body'>, body: Body | Promise<Body>): Promise<Answer> => {
    const read = await body;
    if (read.isTooLarge) return tooLarge;
    return answerSafely({ ...asked, body: read.json });
  };

  const handle = (response: HttpResponse, request: HttpRequest): void => {
    const refusal = deps.refusalOf(response, request);
    if (refusal !== undefined) {
      refuseAtOnce(response, refusal);
      return;
    }
    const asked = head(request, deps.addressOf(response, request));
    const origin = request.getHeader('origin');
    const body = readBody(response, asked.method, deps.config.maxHttpBodyParts, () => {
      deps.refuseParts(asked.address);
    });
    const prepare = async (): Promise<Answer> => {
      const made = asked.method === 'options' ? preflight(origin) : await answerBody(asked, body);
      const headers = [...(made.headers ?? []), ...cors.headers(origin), ['X-Request-Id', asked.requestId] as const];
      // Clients of the reference server compare the type exactly.
      return { ...made, headers, contentType: 'application/json' };
    };
    respond(response, prepare, { withBody: asked.method !== 'head', close: deps.draining() });
  };

  app.any('/auth/*', handle);
  app.any('/admin/*', handle);
}
