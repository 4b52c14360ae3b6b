import { test } from 'tap';
import { server } from '../../support/nodes/fixture.js';
import { cells, clientKinds } from '../../support/typing/cell.js';
import { judge } from '../../support/typing/judge.js';
import { play } from '../../support/typing/matrix.js';

test('ECHO1, ECHO2, ORD1: two writers of one document end with the same, and no key of theirs is lost in vain', async (t) => {
  const { url } = await server(t);
  const outcomes = await play(
    t,
    [url],
    [
      ...cells(['two writers, two fields', 'two writers in turns, one field'], clientKinds, [30, 80, 200], [false]),
      ...cells(['two writers, two fields', 'two writers in turns, one field'], clientKinds, [80], [true]),
      ...cells(['two writers at once, one field'], clientKinds, [30, 80]),
    ],
  );
  judge(t, outcomes);
});
