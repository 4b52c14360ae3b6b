/**
 * The import directions of the design. A part may import what stands right of its arrow and nothing else:
 *   main, cli → node → acceptor, http, shards → protocol
 *   acceptor → cluster (what nodes say of awareness)
 *   shard → core-wasm, storage (the port), cluster (the ports), protocol, shards/messages
 *   shards → cluster (the ports)
 */
const room = (name) => `^src/${name}/`;

/** What each room may import, besides itself, `src/errors.ts` and packages. */
const allowed = {
  protocol: [],
  storage: [],
  cluster: [],
  auth: [],
  metrics: [],
  shards: ['protocol', 'metrics', 'cluster'],
  acceptor: ['protocol', 'shards', 'auth', 'metrics', 'cluster'],
  http: ['protocol', 'shards', 'auth', 'metrics'],
  shard: ['protocol', 'storage', 'cluster', 'shards', 'metrics'],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { pathNot: '^src/core-wasm/assembly/' }, to: { circular: true } },
    ...Object.entries(allowed).map(([name, others]) => ({
      name: `${name}-imports`,
      severity: 'error',
      from: { path: room(name) },
      to: {
        path: '^src/',
        pathNot: [name, ...others]
          .map(room)
          .concat('^src/errors\\.ts$', '^src/config\\.ts$', '^src/log\\.ts$', '^src/core-wasm/'),
      },
    })),
    {
      name: 'core-wasm-is-for-shards',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/shard/', '^src/core-wasm/'] },
      to: { path: '^src/core-wasm/' },
    },
    {
      name: 'shard-sees-only-messages',
      comment: 'The worker side knows the task and answer formats, not the pool that runs it.',
      severity: 'error',
      from: { path: '^src/shard/' },
      to: { path: '^src/shards/', pathNot: '^src/shards/(task|presence-task|answer|work)\\.ts$' },
    },
    {
      name: 'adapters-are-chosen-in-entry',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/shard/entry\\.ts$', '^src/storage/'] },
      to: { path: '^src/storage/(memory|embedded|postgres)' },
    },
    {
      name: 'bus-adapters-are-chosen-in-entry',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/shard/entry\\.ts$', '^src/cluster/'] },
      to: { path: '^src/cluster/', pathNot: '^src/cluster/(port|shared-state|presence-message)\\.ts$' },
    },
    {
      name: 'nobody-imports-the-top',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|cli|node)\\.ts$' },
      to: { path: '^src/(main|cli|node)\\.ts$' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
  },
};
