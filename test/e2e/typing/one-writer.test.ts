import { test } from 'tap';
import { server } from '../../support/nodes/fixture.js';
import { cells, clientKinds } from '../../support/typing/cell.js';
import { judge } from '../../support/typing/judge.js';
import { play } from '../../support/typing/matrix.js';

test('ECHO1: a writer’s own older value never comes back over its newer one', async (t) => {
  const { url } = await server(t);
  const outcomes = await play(
    t,
    [url],
    [
      ...cells(['one writer, others beside'], clientKinds, [30, 80, 200]),
      ...cells(['alone'], clientKinds, [80], [false]),
      ...cells(['set, then delete 10 ms later'], ['plain, delta', 'plain, delta_batch'], [30, 80], [false]),
    ],
  );
  judge(t, outcomes);
});
