import { freePort } from '../../test/support/nodes/server.js';
import type { Peer } from './peer.js';
import { Program } from './program.js';

/** The reference server: another program with the same protocol. */
export const reference: Peer = {
  name: 'reference server',
  state: 'LWW',
  survives: 'nothing',
  dialect: 'synckit',
  async start(bench) {
    const command = process.env['REFERENCE'];
    if (command === undefined) return { skipped: 'REFERENCE (the command that starts it) is not set' };
    const port = await freePort();
    const env = {
      PORT: String(port),
      HOST: '127.0.0.1',
      NODE_ENV: 'development',
      SYNCKIT_AUTH_REQUIRED: 'false',
      SYNCKIT_MAX_MESSAGES_PER_MINUTE: '0',
      NODE_OPTIONS: '',
    };
    // The shell gives its place to the program, so that the process measured is the server.
    return bench.own(await Program.start(['sh', '-c', `exec ${command}`], port, env));
  },
};
