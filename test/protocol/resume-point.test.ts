import { test } from 'tap';
import { formatResumePoint, mergeResumePoints, parseResumePoint, vectorOf } from '../../src/protocol/resume-point.js';

test('a point comes back as it was, whatever the name of its writer', (t) => {
  for (const writer of [undefined, 'ann', 'a.b "c"\n', 'é👩‍👩‍👧', '%', 'x'.repeat(256)]) {
    const point = { commits: 3, shown: 5, server: 7, writer };
    const text = formatResumePoint(point);
    t.notMatch(text, /[\s"\\]/);
    t.match(parseResumePoint(text), { commits: 3, shown: 5, server: 7, ...(writer === undefined ? {} : { writer }) });
  }
  t.same(parseResumePoint(formatResumePoint({ server: 1 })), { commits: undefined, shown: undefined, server: 1 });
  t.end();
});

test('what is no point is none', (t) => {
  for (const text of [
    '',
    's1a',
    '1.2',
    '1.2.x.',
    '-1.2.3.',
    '1.2.3.%',
    '1.2.99999999999999999.a',
    '1.2.9999999999999999.a',
  ]) {
    t.equal(parseResumePoint(text), undefined, text);
  }
  t.end();
});

test('of two points the later commits and the later write count', (t) => {
  const a = { commits: 4, shown: 10, server: 20, writer: 'ann' };
  t.match(mergeResumePoints(a, { server: 30 }), { ...a, server: 30 });
  t.match(mergeResumePoints(a, { commits: 3, shown: 11, server: 11, writer: 'bob' }), {
    commits: 4,
    shown: 11,
    server: 20,
    writer: 'bob',
  });
  t.same(vectorOf(a), [
    ['server', 20],
    ['ann', 10],
    ['#', 4],
    ['#+', 10],
  ]);
  t.end();
});
