/**
 * The import directions of the design. A folder of src/ may import what is listed for it here and nothing else, besides
 * itself, its own subfolders, packages and the files that everybody may use.
 */
const folder = (name) => `^src/${name}/`;

/** What everybody may import. */
const common = [
  '^src/cadence\\.ts$',
  '^src/(errors|error-codes)\\.ts$',
  '^src/config/load\\.ts$',
  '^src/log\\.ts$',
  '^src/version\\.ts$',
  '^src/start/listen\\.ts$',
];

const allowed = {
  protocol: [],
  storage: [],
  cluster: [],
  auth: ['storage/accounts', 'cluster', 'outbound'],
  metrics: [],
  tls: [],
  validation: ['protocol', 'outbound'],
  outbound: [],
  config: ['cluster/redis', 'storage/postgres'],
  messages: ['protocol', 'cluster', 'storage/history', 'storage/lifecycle'],
  pool: ['messages', 'protocol', 'metrics', 'cluster', 'storage/history', 'storage/lifecycle'],
  acceptor: ['messages', 'pool', 'protocol', 'auth', 'metrics', 'cluster', 'storage/history', 'storage/lifecycle'],
  http: [
    'storage/accounts',
    'storage/history',
    'storage/changes',
    'storage/lifecycle',
    'storage/snapshots',
    'storage/webhooks',
    'pool',
    'messages',
    'protocol',
    'auth',
    'metrics',
    'cluster',
  ],
  shard: ['messages', 'protocol', 'storage', 'cluster', 'metrics', 'validation'],
  snapshots: ['storage', 'messages', 'auth', 'http/snapshots'],
  changes: ['storage', 'http/changes'],
  import: ['storage', 'protocol'],
  start: [],
  web: [],
};

/** Folders inside a folder that know nothing of what lies above them or beside them, but for the files named. */
const inner = {
  'storage/lmdb': [
    '^src/storage/[^/]+\\.ts$',
    folder('storage/accounts'),
    folder('storage/history'),
    folder('storage/changes'),
    folder('storage/lifecycle'),
    folder('storage/snapshots'),
    folder('storage/webhooks'),
  ],
  'storage/postgres': [
    '^src/storage/[^/]+\\.ts$',
    folder('storage/accounts'),
    folder('storage/history'),
    folder('storage/changes'),
    folder('storage/lifecycle'),
    folder('storage/snapshots'),
    folder('storage/webhooks'),
  ],
  'cluster/redis': ['^src/cluster/[^/]+\\.ts$', folder('cluster/membership')],
  'cluster/memory': ['^src/cluster/[^/]+\\.ts$', folder('cluster/membership')],
  'cluster/membership': ['^src/cluster/[^/]+\\.ts$'],
  'acceptor/awareness': [folder('acceptor/session'), ...['messages', 'protocol', 'metrics', 'cluster'].map(folder)],
  'acceptor/session': ['acceptor/addresses', 'messages', 'protocol', 'metrics', 'auth'].map(folder),
  'acceptor/fan-out': [
    '^src/acceptor/[^/]+\\.ts$',
    ...['acceptor/session', 'acceptor/awareness', 'messages', 'protocol', 'metrics'].map(folder),
  ],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(allowed).map(([name, others]) => ({
      name: `${name}-imports`,
      severity: 'error',
      from: { path: folder(name) },
      to: { path: '^src/', pathNot: [name, ...others].map(folder).concat(common, '^src/core-wasm/') },
    })),
    ...Object.entries(inner).map(([name, others]) => ({
      name: `${name.replace('/', '-')}-imports`,
      severity: 'error',
      from: { path: folder(name) },
      to: { path: '^src/', pathNot: [folder(name), ...others, ...common] },
    })),
    {
      name: 'core-wasm-is-for-shards',
      comment: 'The import joins texts as a shard does.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/shard/', '^src/import/', '^src/core-wasm/', '^src/web/'] },
      to: { path: '^src/core-wasm/' },
    },
    {
      name: 'core-wasm-stands-alone',
      severity: 'error',
      from: { path: '^src/core-wasm/' },
      to: { path: '^src/', pathNot: ['^src/core-wasm/'] },
    },
    {
      name: 'reference-implementation-is-for-tests',
      severity: 'error',
      comment: 'And for pages, which need the blocks of a text in their order.',
      from: { path: '^src/', pathNot: ['^src/core-wasm/(reference|test|bench)/', '^src/web/'] },
      to: { path: '^src/core-wasm/reference/' },
    },
    {
      name: 'assembly-layers',
      comment: 'memory knows neither fields nor text, and these do not know each other.',
      severity: 'error',
      from: { path: '^src/core-wasm/assembly/(memory|fields|text)/' },
      to: { path: '^src/core-wasm/assembly/', pathNot: ['^src/core-wasm/assembly/(memory|$1)/'] },
    },
    {
      name: 'adapters-are-chosen-in-entry',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '^src/shard/entry\\.ts$',
          '^src/snapshots/worker\\.ts$',
          '^src/changes/open-(feed|deliveries)\\.ts$',
          '^src/(node/auth|node/changes|node/node|cli|cli/accounts|cli/connect|cli/data|cli/private-server)\\.ts$',
          '^src/storage/',
          '^src/import/',
        ],
      },
      to: {
        path: '^src/storage/(memory\\.ts|lmdb/|postgres/)',
        pathNot: '^src/storage/postgres/connection/address\\.ts$',
      },
    },
    {
      name: 'bus-adapters-are-chosen-in-entry',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['^src/(shard/entry|cli/connect)\\.ts$', '^src/cluster/', '^src/auth/accounts/throttle\\.ts$'],
      },
      to: { path: '^src/cluster/(memory|redis)/', pathNot: '^src/cluster/redis/address\\.ts$' },
    },
    {
      name: 'nobody-imports-the-top',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|serve|cli|cli/.*|node/.*)\\.ts$' },
      to: { path: '^src/(main|serve|cli|cli/.*|node/.*)\\.ts$' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|build)/' },
  },
};
