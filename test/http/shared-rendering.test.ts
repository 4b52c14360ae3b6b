import { test } from 'tap';
import { SharedRendering } from '../../src/http/shared-rendering.js';

test('the metrics are rendered once a second, for all who ask meanwhile', async (t) => {
  let renderings = 0;
  const shared = new SharedRendering({ contentType: 'text/plain', render: () => Promise.resolve(`${++renderings}`) });
  const texts = await Promise.all([0, 1, 500, 999].map((now) => shared.render(1_000 + now)));
  t.same(texts.map(String), ['1', '1', '1', '1']);
  t.equal(String(await shared.render(2_000)), '2');
});

test('a rendering that failed is not shared', async (t) => {
  let fails = true;
  const render = () => (fails ? Promise.reject(new Error('no')) : Promise.resolve('fine'));
  const shared = new SharedRendering({ contentType: 'text/plain', render });
  await t.rejects(shared.render(1_000), /no/);
  fails = false;
  t.equal(String(await shared.render(1_001)), 'fine');
});
