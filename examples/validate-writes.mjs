/**
 * An application that decides about writes: `VALIDATE_SECRET=… node validate-writes.mjs`. It answers what VALIDATE_URL asks,
 * on port 3001 or PORT: nobody may order more than ten of a thing.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = process.env.VALIDATE_SECRET ?? '';
const MINUTE_MS = 60_000;

/** Whether the server has sent it, lately. */
function isSigned(headers, body) {
  const timestamp = headers['x-synckit-timestamp'];
  const wanted = `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
  const given = headers['x-synckit-signature'] ?? '';
  const isEqual = given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
  return isEqual && Math.abs(Date.now() - Number(timestamp)) < MINUTE_MS;
}

/** What is wrong with a write. */
function reasonAgainst({ userId, changes }) {
  const tooMany = changes.find(({ field, value }) => field.startsWith('count:') && !(value <= 10));
  return tooMany === undefined ? undefined : `${userId} may order ten at most: ${tooMany.field}`;
}

createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text) => (body += text));
  request.on('end', () => {
    if (!isSigned(request.headers, body)) {
      response.writeHead(401).end();
      return;
    }
    const reason = reasonAgainst(JSON.parse(body));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ allow: reason === undefined, reason }));
  });
}).listen(Number(process.env.PORT ?? 3001), () => console.log('ready'));
