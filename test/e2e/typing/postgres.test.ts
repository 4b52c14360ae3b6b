import { test } from 'tap';
import { server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { judge } from '../../support/typing/judge.js';
import { play } from '../../support/typing/matrix.js';
import { selection } from '../../support/typing/selection.js';

test('ECHO1, ECHO2: typing into documents on Postgres', async (t) => {
  const { url } = await server(t, { DATABASE_URL: (await database(t)).url });
  judge(t, await play(t, [url], selection));
});
