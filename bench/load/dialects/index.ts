import { centrifugo } from './centrifugo.js';
import type { Dialect, DialectName } from './dialect.js';
import { hocuspocus } from './hocuspocus.js';
import { synckit } from './synckit.js';

export const dialects: Readonly<Record<DialectName, Dialect>> = { synckit, centrifugo, hocuspocus };
