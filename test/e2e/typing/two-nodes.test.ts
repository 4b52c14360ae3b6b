import { test } from 'tap';
import { cluster } from '../../support/nodes/cluster.js';
import { judge } from '../../support/typing/judge.js';
import { play } from '../../support/typing/matrix.js';
import { selection } from '../../support/typing/selection.js';

test('ECHO1, ECHO2, ORD1: writers and others on two nodes', async (t) => {
  const { nodes } = await cluster(t);
  const urls = nodes.map(({ url }) => url);
  judge(t, await play(t, urls, selection));
});
