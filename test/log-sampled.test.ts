import { test } from 'tap';
import { createLogger, SampledLog } from '../src/log.js';

test('of an event that clients cause at will some lines are written, and how many were not', async (t) => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const log = new SampledLog(createLogger({ logLevel: 'info', nodeId: 'n', logFile: undefined }, { write }));
  for (let i = 0; i < 1_000; i++) log.sampled('warn', { session: i }, 'refused');
  log.sampled('info', {}, 'another event');
  t.ok(lines.length >= 6 && lines.length <= 11, `${lines.length} lines`);
  t.match(lines[0], { msg: 'refused', level: 'warn', session: 0 });
  const written = lines.length;
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  log.sampled('warn', {}, 'refused');
  t.ok((lines[written]?.['skipped'] as number) > 900);
});
