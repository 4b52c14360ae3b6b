import { test } from 'tap';
import { createLogger } from '../src/log.js';

function collect(level: 'info' | 'warn') {
  const lines: string[] = [];
  const log = createLogger(
    { logLevel: level, nodeId: 'n1', logFile: undefined },
    { write: (line) => void lines.push(line) },
  );
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('a line is one JSON object with level, time, node and part', (t) => {
  const { log, lines, parsed } = collect('info');
  log.child({ part: 'acceptor' }).info({ connections: 3 }, 'listening\non two lines');
  t.equal(lines.length, 1);
  t.match(lines[0], /^[^\n]+\n$/);
  t.match(parsed()[0], {
    level: 'info',
    node: 'n1',
    part: 'acceptor',
    connections: 3,
    msg: 'listening\non two lines',
    time: /^\d{4}-\d\d-\d\dT/,
  });
  t.end();
});

test('lines below the level are left out', (t) => {
  const { log, lines } = collect('warn');
  log.info('no');
  log.warn('yes');
  t.equal(lines.length, 1);
  t.end();
});

test('secrets are hidden, at the top and below, in children and in addresses', (t) => {
  const { log, lines } = collect('info');
  log.info({ token: 'hunter1', config: { jwtSecret: 'hunter2' }, request: { headers: { authorization: 'hunter3' } } });
  log.child({ part: 'http', password: 'hunter4' }).info({ url: '/ws?token=hunter5' }, 'seen');
  t.equal(lines.length, 2);
  t.notMatch(lines.join(''), /hunter/);
  t.match(lines[1], /"url":"\/ws"/);
  t.end();
});

test('a log that can’t be written to costs lines and nothing else', (t) => {
  const log = createLogger({ logLevel: 'info', nodeId: 'n1', logFile: '/dev/full' });
  const padding = 'x'.repeat(1_000);
  t.doesNotThrow(() => {
    for (let i = 0; i < 5_000; i++) log.error({ i, padding }, 'nobody reads this');
  });
  t.end();
});

test('errors are written with their stack', (t) => {
  const { log, parsed } = collect('info');
  log.error({ err: new Error('broken') }, 'failed');
  t.match(parsed()[0], { level: 'error', err: { type: 'Error', message: 'broken', stack: /log\.test/ } });
  t.end();
});
