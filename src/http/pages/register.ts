/** Adds the pages for people: the playground and the dashboard. They hold no data: what they show, they ask for. */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { refuse, respond, type Answer } from '../answer.js';
import type { HttpDeps } from '../ports.js';
import { readAssets } from './assets.js';

export interface PagesOptions extends Pick<HttpDeps, 'refusalOf' | 'draining'> {
  /** Whether there is a playground. */
  readonly playground: boolean;
}

/** Scripts, styles and pictures come from this server only, and so do the data. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** The pages by their paths. */
const pages = { '/playground': 'playground', '/admin': 'dashboard' };

export type RegisterPages = (app: TemplatedApp) => void;

/** @throws Error When the package was not built or is incomplete. */
export function createPages({ playground, refusalOf, draining }: PagesOptions): RegisterPages {
  const assets = readAssets();
  const isServed = (path: string): boolean => playground || !path.startsWith('web/playground/');

  const find = (path: string): Answer => {
    const asset = isServed(path) ? assets.get(path) : undefined;
    if (asset === undefined) return { status: '404 Not Found', body: { error: 'Not found' } };
    return { status: '200 OK', policy, content: asset };
  };

  const serve = (pathOf: (request: HttpRequest) => string) => (response: HttpResponse, request: HttpRequest) => {
    const refusal = refusalOf(response, request);
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    const path = pathOf(request);
    respond(response, () => find(path), { withBody: request.getMethod() !== 'head', close: draining() });
  };

  return (app) => {
    const asset = serve((request) => request.getUrl().slice('/assets/'.length));
    app.get('/assets/*', asset).head('/assets/*', asset);
    for (const [path, name] of Object.entries(pages)) {
      const page = serve(() => `web/${name}/index.html`);
      app.get(path, page).head(path, page);
    }
  };
}
