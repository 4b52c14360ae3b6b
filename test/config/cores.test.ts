import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'tap';
import { cpuQuota, usableCores } from '../../src/config/cores.js';

/** The quota where control groups look so. */
function quota(root: string, files: Record<string, string>): Promise<number> {
  return Promise.all(
    Object.entries(files).map(async ([name, text]) => {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), text);
    }),
  ).then(() => cpuQuota(root, join(root, 'own')));
}

test('the quota of a control group counts, of version 1 and 2', async (t) => {
  const dir = (name: string) => join(t.testdir(), name);
  const v2 = '0::/service\n';
  t.equal(await quota(dir('a'), { own: v2, 'service/cpu.max': '150000 100000\n' }), 1.5);
  t.equal(await quota(dir('b'), { own: v2, 'service/cpu.max': 'max 100000\n' }), Infinity);
  t.equal(
    await quota(dir('c'), { own: v2, 'service/cpu.max': '400000 100000\n', 'cpu.max': '10000 100000\n' }),
    0.1,
    'of a group above',
  );
  t.equal(await quota(dir('d'), { own: '0::/\n', 'cpu.max': '200000 100000\n' }), 2, 'as seen in a container');
  const v1 = '5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n';
  const ofV1 = (group: string, limit: string) => ({
    own: v1,
    [`${group}/cpu.cfs_quota_us`]: `${limit}\n`,
    [`${group}/cpu.cfs_period_us`]: '100000\n',
  });
  t.equal(await quota(dir('e'), ofV1('cpu,cpuacct/docker/x', '50000')), 0.5);
  t.equal(await quota(dir('f'), ofV1('cpu', '50000')), 0.5, 'in a container, where the path of the host is not there');
  t.equal(await quota(dir('g'), ofV1('cpu,cpuacct/docker/x', '-1')), Infinity);
  t.equal(cpuQuota('/nowhere', '/nowhere'), Infinity);
  t.ok(usableCores() >= 1);
});
