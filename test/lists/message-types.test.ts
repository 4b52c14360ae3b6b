import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { clientTypeOfName, typeCodes } from '../../src/protocol/codes.js';
import { metrics } from '../../src/metrics/table.js';
import { packageFolder } from '../../src/version.js';

const types = Object.entries(typeCodes);
const received: readonly string[] = metrics.messagesReceived.labels.type;
const sent: readonly string[] = metrics.messagesSent.labels.type;

function read(path: string): string {
  return readFileSync(join(packageFolder, path), 'utf8');
}

/** Types and who may send them, by the table of docs/protocol.md: `| 0x01 | `auth` | client |`. */
function documentedTypes(): Map<string, { readonly code: number; readonly from: string }> {
  const cells = read('docs/protocol.md').matchAll(/\| (0x[0-9a-f]{2}) \| `(\w+)` +\| (client|server|both) +(?=\|)/g);
  return new Map(Array.from(cells, ([, code, name = '', from = '']) => [name, { code: Number(code), from }]));
}

test('docs/protocol.md lists every message type with its code and no other', (t) => {
  const documented = [...documentedTypes()].map(([name, { code }]) => [name, code]);
  t.same(Object.fromEntries(documented), typeCodes);
  t.end();
});

test('every message type is counted, and comes from where docs/protocol.md says', (t) => {
  const documented = documentedTypes();
  for (const [name] of types) {
    const from = documented.get(name)?.from;
    const isOfClients = clientTypeOfName(name) !== undefined;
    t.equal(isOfClients, from !== 'server', `${name} is a type of clients in src/protocol/codes.ts`);
    t.equal(received.includes(name), isOfClients, `${name} is a label of synckit_messages_received_total`);
    // The server pings on the WebSocket level only.
    t.equal(
      sent.includes(name),
      from !== 'client' && name !== 'ping',
      `${name} is a label of synckit_messages_sent_total`,
    );
  }
  t.end();
});

test('the labels of the metrics name no type that does not exist', (t) => {
  for (const name of received) t.ok(name in typeCodes || ['connect', 'invalid'].includes(name), name);
  for (const name of sent) t.ok(name in typeCodes, name);
  t.same(metrics.bytesReceived.labels.type, received);
  t.same(metrics.bytesSent.labels.type, sent);
  t.end();
});

test('the router has a case for every type that a client may send', (t) => {
  const source = ['src/acceptor/router.ts', 'src/acceptor/control.ts'].map(read).join('\n');
  for (const [name] of types) {
    if (clientTypeOfName(name) === undefined) continue;
    t.match(source, new RegExp(`(case|head\\.type ===) '${name}'`), name);
  }
  t.end();
});

test('the scripts of k6, which can’t import from here, name the message types by the same codes', async (t) => {
  // Its own imports exist in k6 only.
  const module = read('k6/lib/protocol.js').replaceAll(/^import .*$/gm, '');
  const { types } = (await import(`data:text/javascript,${encodeURIComponent(module)}`)) as { types: object };
  t.same(types, typeCodes);
});
