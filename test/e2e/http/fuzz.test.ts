/**
 * Requests made of the OpenAPI description, and bent: whatever comes, the answer is one that the description has, with a body
 * of its schema, and never a fault of the server. `RUNS=50` sends so many times as many, `SEED=7` repeats a run.
 */
import { request, type IncomingHttpHeaders } from 'node:http';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { test } from 'tap';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { Random, seedsToPlay } from '../../support/random.js';
import type { ServerProcess } from '../../support/nodes/server.js';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: { readonly enum?: readonly unknown[]; readonly type?: string };
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Of each operation. */
const REQUESTS = 40;
/** It ends the server, as it should. */
const left = ['post /admin/drain'];

const words = [
  'd',
  'none',
  '',
  '*',
  '1',
  '-1',
  '1e9',
  'true',
  '"1"',
  'W/"x"',
  '"a","b"',
  '2026-11-28T00:00:00Z',
  'a:b',
];
const odd = [
  '%00',
  '%ff',
  '%e0%80%80',
  '..',
  '%2e%2e%2f',
  'é',
  '😀',
  '__proto__',
  'x'.repeat(300),
  ' ',
  '%',
  '<b>',
  "'--",
];
const bodies = [
  ...['', '{}', '[]', 'null', '1', '"text"', '{', '{"a":}', '\u0000', '{"a":1e400}', '{"__proto__":{"a":1}}'],
  ...['{"a":1,"a":2}', '{"deltas":[]}', '{"deltas":[{}]}', '{"deltas":[{"field":"a","value":1}]}', '{"content":"new"}'],
  ...['{"content":7}', '{"email":"a@b.c","password":"x"}', '{"userId":"ann"}', '{"documentId":"d"}', '{"name":"k"}'],
  ...[`{"a":${'['.repeat(300)}${']'.repeat(300)}}`, `{"${'k'.repeat(2_000)}":1}`, `{"a":"${'v'.repeat(70_000)}"}`],
];
const types = ['application/json', 'application/merge-patch+json', 'text/plain', 'text/plain; charset=utf-16', 'x', ''];

test('the HTTP API answers whatever it is sent as its description says', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  const admin = token('root', { admin: true });
  const writer = await client(t, to, { token: admin });
  await writer.acked(writer.set('d', 'a', 1));
  const description = (await (await fetch(`${to.http}/openapi.json`)).json()) as Description;
  const ajv = new Ajv2020({ strict: false, logger: false });
  addFormats.default(ajv);
  ajv.addSchema(description, 'api');

  const [seed] = seedsToPlay([], 1) as [number];
  const random = new Random(seed);
  let count = 0;
  const wrong = new Set<string>();
  const seen = new Set<string>();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (left.includes(`${method} ${path}`)) continue;
      // A former operation may have deleted it.
      await fetch(`${to.http}/documents/d/restore`, { method: 'POST', headers: { authorization: `Bearer ${admin}` } });
      for (let i = 0; i < REQUESTS * Number(process.env['RUNS'] ?? 1); i++) {
        const sent = requestOf(random, path, method, operation, admin);
        const answer = await send(to, sent);
        count++;
        seen.add(`${answer.status}`);
        const problem = problemOf(ajv, operation, `/paths/${escaped(path)}/${method}`, answer);
        if (problem !== undefined)
          wrong.add(`${method} ${path}: ${problem}; e.g. ${JSON.stringify(sent).slice(0, 300)}`);
      }
    }
  }
  t.strictSame([...wrong], [], `seed ${seed}, ${count} requests`);
  for (const status of ['200', '204', '400', '401', '404', '415'])
    t.ok(seen.has(status), `some were answered with ${status}`);
  t.equal((await fetch(`${to.http}/health/ready`)).status, 200);
  t.strictSame(
    to.log.filter(({ level }) => Number(level) >= 50),
    [],
    'nothing was logged as a fault',
  );
});

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

function requestOf(random: Random, path: string, method: string, operation: Operation, admin: string): Sent {
  const headers: Record<string, string> = {};
  const query: string[] = [];
  let filled = path;
  const value = ({ schema }: Parameter): string => {
    if (schema.enum !== undefined && random.below(2) === 0) return String(random.pick(schema.enum));
    if (schema.type === 'integer' && random.below(2) === 0) return String(random.below(50));
    return random.pick(random.below(4) === 0 ? odd : words);
  };
  for (const parameter of operation.parameters ?? []) {
    const { name } = parameter;
    if (parameter.in === 'path') {
      filled = filled.replace(
        `{${name}}`,
        random.below(2) === 0 ? 'd' : encodeURI(value(parameter)).replaceAll('%25', '%'),
      );
    } else if (random.below(3) === 0) {
      if (parameter.in === 'query') query.push(`${name}=${encodeURI(value(parameter))}`);
      else headers[name] = value(parameter).replaceAll(/[^\x20-\x7e]/g, '?');
    }
  }
  if (random.below(10) === 0) query.push(random.pick(['unknown=1', '&&=', 'limit', 'limit=1&limit=2', '%=%']));
  if (random.below(8) > 0) headers['authorization'] = `Bearer ${random.below(10) === 0 ? 'forged' : admin}`;
  let body: string | undefined;
  if (operation.requestBody !== undefined && random.below(10) > 0) {
    body = random.pick(bodies);
    const known = Object.keys(operation.requestBody.content);
    headers['content-type'] = random.below(4) > 0 ? random.pick(known) : random.pick(types);
  }
  return {
    method: method.toUpperCase(),
    path: query.length > 0 ? `${filled}?${query.join('&')}` : filled,
    headers,
    body,
  };
}

/** Not `fetch`, which mends paths. Streams are left once their head is there. */
function send(to: ServerProcess, { method, path, headers, body }: Sent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(to.http);
    const length = method === 'GET' && body === undefined ? {} : { 'content-length': Buffer.byteLength(body ?? '') };
    const asked = request(
      { hostname, port, method, path, headers: { ...headers, ...length }, agent: false },
      (answer) => {
        const { statusCode: status = 0, headers: own } = answer;
        if (own['content-type'] === 'text/event-stream') {
          resolve({ status, headers: own, body: '' });
          asked.destroy();
          return;
        }
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => {
          resolve({ status, headers: own, body: text });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

/** What is wrong with an answer, in words that are the same for the same fault. */
function problemOf(ajv: Ajv2020, { responses }: Operation, pointer: string, answer: Answered): string | undefined {
  const { status, headers, body } = answer;
  const described = responses[status];
  if (described === undefined) return `${status} is not described: ${body.slice(0, 200)}`;
  const type = headers['content-type'];
  if (described.content === undefined) return body === '' ? undefined : `${status} has a body`;
  if (type === undefined || !(type in described.content)) return `${status} has the type ${type ?? 'none'}`;
  if (type !== 'application/json') return undefined;
  const check = ajv.getSchema(`api#${pointer}/responses/${status}/content/${escaped(type)}/schema`);
  if (check === undefined) return `${status} has no schema`;
  return check(JSON.parse(body)) === true ? undefined : `${status}: ${ajv.errorsText(check.errors)}`;
}

/** A part of a JSON pointer in a fragment. */
function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}
