import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/nodes/server.js';
import type { Peer } from './peer.js';
import { install, installationOf, Program } from './program.js';

const VERSION = '6.9.1';

export const centrifugo: Peer = {
  name: `Centrifugo ${VERSION}, channels`,
  state: 'none',
  survives: '–',
  dialect: 'centrifugo',
  async start(bench) {
    const folder = installationOf(`centrifugo-${VERSION}`);
    mkdirSync(folder, { recursive: true });
    const program = process.env['CENTRIFUGO'] ?? built(folder);
    if (program === undefined) {
      return { skipped: 'neither CENTRIFUGO (the path of its program) is set, nor is there a Go that could build it' };
    }
    const port = await freePort();
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify(configOf(port)));
    return bench.own(await Program.start([program, '--config', config], port));
  },
};

/** Clients without a token, who may subscribe to every channel and publish there. */
function configOf(port: number): object {
  return {
    http_server: { address: '127.0.0.1', port },
    client: { insecure: true },
    channel: { without_namespace: { allow_subscribe_for_anonymous: true, allow_publish_for_anonymous: true } },
    log: { level: 'error' },
  };
}

/** Builds it, unless it is there. */
function built(folder: string): string | undefined {
  const program = join(folder, 'centrifugo');
  if (existsSync(program)) return program;
  if (spawnSync('go', ['version']).status !== 0) return undefined;
  install('go', ['install', `github.com/centrifugal/centrifugo/v6@v${VERSION}`], folder, { GOBIN: folder });
  return program;
}
