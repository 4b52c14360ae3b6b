/**
 * A receiver of webhooks that keeps a search index up to date: `GET /search?word=milk` answers the documents with the word.
 * It needs Node alone. WEBHOOK_SECRET is that of the server, SYNCKIT_TOKEN may read the documents.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { SYNCKIT_URL = 'http://127.0.0.1:8080', SYNCKIT_TOKEN = '', WEBHOOK_SECRET = '', PORT = '3000' } = process.env;
/** Document id → its words. */
const index = new Map();
/** Ids of messages that were handled: a message may come more than once. A real receiver keeps those of some days. */
const handled = new Set();

/** Whether we know the sender, and the message is not an old one that somebody sends again. */
function isGenuine({ headers }, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers;
  if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > 300) return false;
  const wanted = Buffer.from(
    `v1,${createHmac('sha256', WEBHOOK_SECRET).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  );
  return String(signature)
    .split(' ')
    .some((one) => one.length === wanted.length && timingSafeEqual(Buffer.from(one), wanted));
}

/** The event says that something has changed; what the document holds now is asked for, so late events do no harm. */
async function update(documentId) {
  const headers = { Authorization: `Bearer ${SYNCKIT_TOKEN}` };
  const answer = await fetch(`${SYNCKIT_URL}/documents/${documentId}`, { headers });
  if (answer.status === 404) return index.delete(documentId);
  if (!answer.ok) throw new Error(`the document can't be read: ${answer.status}`);
  const { fields } = await answer.json();
  const words = JSON.stringify(fields)
    .toLowerCase()
    .match(/\p{L}+/gu);
  return index.set(documentId, new Set(words));
}

async function receive(request, response) {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += part;
  if (!isGenuine(request, body)) return response.writeHead(401).end();
  const id = request.headers['webhook-id'];
  if (!handled.has(id)) {
    await update(JSON.parse(body).data.documentId);
    // Afterwards: what fails is sent again.
    handled.add(id);
  }
  return response.writeHead(204).end();
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (request.method === 'POST') {
    receive(request, response).catch((error) => {
      console.error(error.message);
      response.writeHead(500).end();
    });
  } else if (pathname === '/search') {
    const word = searchParams.get('word')?.toLowerCase() ?? '';
    const found = [...index].filter(([, words]) => words.has(word)).map(([documentId]) => documentId);
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(found));
  } else response.writeHead(404).end();
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
