/** Collaborative texts: what joining costs the core, what a keystroke costs a server, and what many readers do. */
import { SHARDS } from '../servers/measured-server.js';
import type { Scenario } from '../scenario.js';
import { coreConditions, joinTexts } from './in-process/text-core.js';
import { fanOutTexts, fanoutConditions } from './text-fanout.js';
import { typeTexts, typingConditions } from './text-typing.js';

export const text: Scenario = {
  name: 'text',
  about:
    'collaborative texts: the core beside the reference implementation, keystrokes by the size of the text, and fan-out',
  rounds: 1,
  conditions: (options) => ({
    shards: SHARDS,
    ...coreConditions,
    ...typingConditions,
    ...fanoutConditions(options),
  }),
  async run(bench) {
    return [...(await joinTexts(bench.build)), ...(await typeTexts(bench)), ...(await fanOutTexts(bench))];
  },
};
