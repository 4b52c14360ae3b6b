import { test } from 'tap';
import { server } from '../../support/nodes/fixture.js';
import { cells, clientKinds } from '../../support/typing/cell.js';
import { judge } from '../../support/typing/judge.js';
import { play } from '../../support/typing/matrix.js';

test('ECHO2: who joins a written field or reconnects has keys hidden for one round trip at most', async (t) => {
  const { url } = await server(t);
  const scenarios = ['a writer who joins a written field', 'a writer who reconnects'] as const;
  judge(t, await play(t, [url], cells(scenarios, clientKinds, [30, 80, 200])));
});
