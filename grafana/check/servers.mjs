/** The processes under test: two servers on one port, as PM2's cluster runs them. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { URL, fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** What tokens are signed with, and what scrapes must show. */
export const secret = randomBytes(48).toString('base64url');
export const metricsToken = randomBytes(24).toString('base64url');

/** Limits so low that a little load reaches each of them. */
export const limits = {
  SYNCKIT_AUTH_TIMEOUT_MS: '2000',
  WS_MAX_CONNECTIONS: '70',
  SYNCKIT_MAX_CONNECTIONS_PER_IP: '40',
  SYNCKIT_MAX_MESSAGES_PER_MINUTE: '3000',
  SYNCKIT_MAX_SUBSCRIPTIONS: '20',
  SYNCKIT_MAX_CLIENT_IDS: '4',
  SYNCKIT_MAX_AWARENESS_BYTES: '1KiB',
  SYNCKIT_AWARENESS_TIMEOUT_MS: '1500',
  SYNCKIT_MAX_CHUNK_SETS: '2',
  SYNCKIT_MAX_CHUNKED_BYTES: '256KiB',
  SYNCKIT_CHUNK_TIMEOUT_MS: '2000',
  SYNCKIT_MAX_QUEUED_BYTES: '512KiB',
  SYNCKIT_MAX_PENDING_BYTES: '64KiB',
  SYNCKIT_MAX_LOADED_BYTES: '64KiB',
  SYNC_MAX_DOCUMENT_FIELDS: '500',
  SYNC_MAX_TOMBSTONES: '20',
  WS_MAX_PAYLOAD_BYTES: '256KiB',
  WS_MAX_BACKPRESSURE_BYTES: '64KiB',
  SYNCKIT_SNAPSHOT_EVERY_WRITES: '50',
  SHUTDOWN_DRAIN_MS: '6000',
  SHUTDOWN_DEADLINE_MS: '20000',
};

/** A schema for documents that no other part of the load writes. @returns Its folder. */
export function writeSchemas(directory) {
  const folder = join(directory, 'schemas');
  mkdirSync(folder);
  const schema = { 'x-document-prefix': 'checked:', properties: { title: { type: 'string' } } };
  writeFileSync(join(folder, 'checked.json'), JSON.stringify(schema));
  return folder;
}

/** One process of the cluster. */
export class Server {
  /** What it logged at warn and above, and how often. */
  complaints = new Map();
  #child;

  /** @param options `{instance, port, metricsPort, directory, schemas}` */
  constructor(options) {
    this.options = options;
  }

  /** Where Prometheus finds it. */
  get target() {
    return `localhost:${this.options.metricsPort + this.options.instance}`;
  }

  /** @throws When it does not come up. */
  async start() {
    const { instance, port, metricsPort, directory, schemas } = this.options;
    const child = spawn(process.execPath, [main], {
      env: {
        ...limits,
        PATH: process.env.PATH,
        HOST: '127.0.0.1',
        PORT: String(port),
        METRICS_PORT: String(metricsPort),
        METRICS_TOKEN: metricsToken,
        NODE_APP_INSTANCE: String(instance),
        SYNCKIT_DATA_DIR: directory,
        SCHEMA_DIR: schemas,
        // Two threads whose commits fail in one moment may end the process: see src/storage/lmdb/transactions.ts.
        SHARDS: '1',
        JWT_SECRET: secret,
        // Unlike any real cluster: the first process takes everybody, so that some are anonymous, and the second wants
        // tokens, so that some are too late with theirs.
        SYNCKIT_AUTH_REQUIRED: String(instance > 0),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let other = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (other += text));
    await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const { level, msg } = JSON.parse(line);
        if (msg === 'listening') resolve();
        else if (level !== 'info') this.#complain(`${level}: ${msg}`);
      });
      child.once('close', (code) =>
        reject(new Error(`server ${instance} ended with ${code}: ${other}${[...this.complaints.keys()].join('\n')}`)),
      );
    });
  }

  /** Waits until nothing that clients have sent waits to be stored. @throws After 10 s. */
  async idle() {
    const end = Date.now() + 10_000;
    const waiting = /^synckit_(shard_tasks|commit_queue_bytes|queued_bytes\{.+\}) [^0]/m;
    for (;;) {
      const headers = { Authorization: `Bearer ${metricsToken}` };
      const answer = await globalThis.fetch(`http://${this.target}/metrics`, { headers });
      if (!waiting.test(await answer.text())) return;
      if (Date.now() > end) throw new Error(`server ${this.options.instance} is still busy`);
      await sleep(100);
    }
  }

  /** From now on every write of the process beyond the first page of a file fails, as on a full disk. */
  breakDisk() {
    this.#limitFiles('4096');
  }

  mendDisk() {
    this.#limitFiles('unlimited');
  }

  /** Lets it drain. @returns Its exit code. */
  async stop() {
    if (this.#child === undefined || this.#child.exitCode !== null) return this.#child?.exitCode;
    this.#child.kill('SIGTERM');
    const [code] = await once(this.#child, 'close');
    return code;
  }

  kill() {
    this.#child?.kill('SIGKILL');
  }

  #complain(text) {
    this.complaints.set(text, (this.complaints.get(text) ?? 0) + 1);
  }

  #limitFiles(soft) {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(this.#child.pid), `--fsize=${soft}:unlimited`]);
    if (status !== 0) throw new Error(`prlimit (util-linux) is needed to let writes fail: ${stderr}`);
  }
}

/** The first of so many free ports in a row, below those that the system hands out itself. */
export async function freePorts(count) {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
}

async function isFree(port) {
  const probe = createServer();
  const free = await new Promise((resolve) => {
    probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) {
    probe.close();
    await once(probe, 'close');
  }
  return free;
}
