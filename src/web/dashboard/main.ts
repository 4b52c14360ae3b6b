/** The dashboard: nodes, documents, users and rates of a cluster, for administrators. */
import { byId, say } from '../shared/dom.js';
import { TokenStore } from '../shared/token.js';
import { Api, Refused, type Overview } from './api.js';
import { RateMeter } from './rates.js';
import { Sparkline } from './sparkline.js';
import { fillDocuments, fillNodes, fillUsers, spell, type Orders } from './tables.js';

const POLL_MS = 2_000;

const tokens = new TokenStore('synckit.dashboard.token');
tokens.takeFromAddress();
const api = new Api(() => tokens.token);

const figures = ['connections', 'writes', 'deliveries', 'ack'] as const;
const sparklines = Object.fromEntries(
  figures.map((name) => [name, new Sparkline(byId(`${name}-tile`, HTMLElement))]),
) as Record<(typeof figures)[number], Sparkline>;
const problem = byId('problem', HTMLElement);

let meter: RateMeter | undefined;
let timer: number | undefined;
/** Polls before the newest sign-in, or before one that came out of turn, don't count. */
let turn = 0;

const orders: Orders = {
  drain: (node) => {
    order(`Drain ${node}? Its clients are disconnected and its process ends.`, 'drain', { node });
  },
  disconnectUser: (userId) => {
    order(`End all connections of ${userId}? They may come back.`, 'disconnect', { userId });
  },
  disconnectDocument: (documentId) => {
    order(`End all connections that use ${documentId}? They may come back.`, 'disconnect', { documentId });
  },
};

function start(): void {
  byId('with-token', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    begin(byId('token', HTMLInputElement).value.trim());
  });
  byId('with-password', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void signIn(byId('email', HTMLInputElement).value, byId('password', HTMLInputElement).value);
  });
  byId('sign-out', HTMLButtonElement).addEventListener('click', () => {
    end('');
  });
  // A browser runs the timers of a page that nobody sees once a minute at most.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') pollNow();
  });
  if (tokens.token === undefined) end('');
  else begin(tokens.token);
}

async function signIn(email: string, password: string): Promise<void> {
  try {
    begin(await api.signIn(email, password));
  } catch (error) {
    say(byId('refusal', HTMLElement), sentenceOf(error));
  }
}

function begin(token: string): void {
  tokens.token = token;
  meter = undefined;
  turn++;
  void poll(turn);
}

/** What is shown may be old. */
function pollNow(): void {
  if (tokens.token === undefined) return;
  clearTimeout(timer);
  void poll(++turn);
}

/** Back to the sign-in. @param why Empty for no reason. */
function end(why: string): void {
  turn++;
  clearTimeout(timer);
  tokens.token = undefined;
  byId('password', HTMLInputElement).value = '';
  byId('token', HTMLInputElement).value = '';
  document.body.dataset['signedIn'] = 'false';
  for (const id of ['nodes', 'documents', 'users']) byId(id, HTMLElement).replaceChildren();
  say(problem, '');
  say(byId('refusal', HTMLElement), why);
}

async function poll(mine: number): Promise<void> {
  try {
    const overview = await api.overview();
    if (mine !== turn) return;
    document.body.dataset['signedIn'] = 'true';
    say(problem, overview.nodes.isStale ? 'No recent list of nodes from Redis: only this node is known.' : '');
    show(overview);
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof Refused) {
      end(sentenceOf(error));
      return;
    }
    say(problem, `The server does not answer (${sentenceOf(error)}). Trying again.`);
  }
  timer = setTimeout(() => void poll(mine), POLL_MS);
}

function show({ nodes: { nodes, ackBounds }, documents, connections }: Overview): void {
  meter ??= new RateMeter(ackBounds);
  const counts = nodes.flatMap(({ run, activity }) => (activity === null ? [] : [{ run, ...activity }]));
  const rates = meter.add(performance.now(), counts);
  const total = nodes.reduce((sum, node) => sum + node.connections, 0);
  tile('connections', total, String(total));
  tile('writes', rates?.writes, spell(rates?.writes));
  tile('deliveries', rates?.deliveries, spell(rates?.deliveries));
  const p99 = rates?.ackP99;
  tile('ack', p99 ?? 0, p99 === undefined ? '–' : `${spell(p99 * 1_000)} ms`);
  fillNodes(byId('nodes', HTMLElement), nodes, rates?.writesOf ?? new Map<string, number>(), orders);
  fillDocuments(byId('documents', HTMLElement), documents, orders);
  fillUsers(byId('users', HTMLElement), connections.list, orders);
  byId('no-documents', HTMLElement).hidden = documents.length > 0;
  byId('no-users', HTMLElement).hidden = connections.list.length > 0;
  const more = connections.isComplete ? '' : ', the first of many';
  byId('users-of', HTMLElement).textContent = nodes.length > 1 ? `of ${connections.node}${more}` : more.slice(2);
}

function tile(name: (typeof figures)[number], value: number | undefined, text: string): void {
  byId(name, HTMLElement).textContent = text;
  if (value !== undefined) sparklines[name].add(value);
}

function order(question: string, path: 'drain' | 'disconnect', body: object): void {
  if (!confirm(question)) return;
  api.order(path, body).then(pollNow, (error: unknown) => {
    say(problem, sentenceOf(error));
  });
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

start();
