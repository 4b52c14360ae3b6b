/**
 * How PM2 runs the server on one host: `npm run cluster`, or `pm2 startOrReload ecosystem.config.cjs --update-env`.
 * What it reads besides WEB_CONCURRENCY are variables of docs/configuration.md; all are passed on to the processes.
 */
const { existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');

// As the server does. What the environment has already counts.
if (process.env.NODE_ENV !== 'test' && existsSync('.env')) process.loadEnvFile('.env');

/** What PM2 gives a process to end, or to be ready, beyond the time that it gives itself. */
const MARGIN_MS = 5_000;

const hasBus = (process.env.REDIS_URL ?? '') !== '';
const processes = number('WEB_CONCURRENCY', hasBus ? Math.max(1, Math.floor(availableParallelism() / 2)) : 1);

module.exports = {
  apps: [
    {
      name: 'synckit',
      script: 'dist/src/main.js',
      cwd: __dirname,
      // Each has two busy threads, one for connections and one for documents.
      instances: processes,
      // In cluster mode PM2 starts the new process before it ends the old one. For a while both hold the same documents,
      // which only processes with a bus may: without one, the new process would not hear of what the old one still writes.
      exec_mode: hasBus || processes > 1 ? 'cluster' : 'fork',
      wait_ready: true,
      // A start waits for the database and for its threads for so long, and the old process goes on meanwhile.
      listen_timeout:
        number('DB_CONNECT_TIMEOUT', 60_000) + number('SYNCKIT_SHARD_START_TIMEOUT_MS', 30_000) + MARGIN_MS,
      // A drain ends by itself before that.
      kill_timeout: number('SHUTDOWN_DEADLINE_MS', 9_000) + MARGIN_MS,
      // There are no child processes to be killed, and PM2 would ask `ps` for them, which small images don't have.
      treekill: false,
      // A process that comes up and fails is started again and again, at most 15 s apart.
      exp_backoff_restart_delay: 100,
      // PM2 would look for a git repository, and load the source maps.
      vizion: false,
      disable_source_map_support: true,
    },
  ],
};

/** @throws When the variable is set and no whole number. */
function number(name, otherwise) {
  const text = (process.env[name] ?? '').trim();
  if (text === '') return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && (value > 0 || name !== 'WEB_CONCURRENCY')) return value;
  throw new Error(`${name} must be a whole number, not ${JSON.stringify(text)}`);
}
