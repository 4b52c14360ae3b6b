import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/nodes/server.js';
import { packageFolder } from '../../src/version.js';
import type { Peer } from './peer.js';
import { install, installationOf, Program } from './program.js';

const VERSION = '4.7.0';
const files = ['package.json', 'package-lock.json', 'server.mjs'];

export const hocuspocus: Peer = {
  name: `Hocuspocus ${VERSION}`,
  state: 'Yjs',
  survives: 'nothing',
  dialect: 'hocuspocus',
  async start(bench) {
    const folder = installationOf(`hocuspocus-${VERSION}`);
    mkdirSync(folder, { recursive: true });
    for (const file of files) copyFileSync(join(packageFolder, 'bench/peers/hocuspocus', file), join(folder, file));
    if (!existsSync(join(folder, 'node_modules/.package-lock.json'))) {
      install('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder);
    }
    const port = await freePort();
    const env = { PORT: String(port), NODE_ENV: 'production', NODE_OPTIONS: '' };
    return bench.own(await Program.start([process.execPath, join(folder, 'server.mjs')], port, env));
  },
};
