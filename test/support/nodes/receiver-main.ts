/** A receiver of webhooks in a process of its own, to be killed: it appends each event to a file before it answers. */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [, , file = '', port = '0'] = process.argv;

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    const { data } = JSON.parse(body) as { data: object };
    appendFileSync(file, `${JSON.stringify({ id: request.headers['webhook-id'], ...data })}\n`);
    response.writeHead(204).end();
  });
});
server.listen(Number(port), '127.0.0.1', () => process.send?.('listening'));
