import type { Scenario } from '../scenario.js';
import { auth } from './auth.js';
import { cluster } from './cluster.js';
import { comeback } from './comeback.js';
import { codec } from './in-process/codec.js';
import { connections } from './connections.js';
import { core } from './in-process/core.js';
import { curves } from './curves.js';
import { fanout } from './fanout.js';
import { http } from './http.js';
import { history } from './history.js';
import { hostile } from './hostile.js';
import { ingest } from './ingest.js';
import { jwt } from './in-process/jwt.js';
import { manyDocs } from './many-docs.js';
import { metrics } from './in-process/metrics.js';
import { path } from './in-process/path.js';
import { peers } from './peers.js';
import { processes } from './processes.js';
import { sync } from './sync.js';
import { text } from './text.js';
import { webhooks } from './webhooks.js';

/** All scenarios, in the order in which they run. */
export const scenarios: readonly Scenario[] = [
  codec,
  jwt,
  auth,
  core,
  path,
  fanout,
  manyDocs,
  ingest,
  sync,
  text,
  http,
  history,
  webhooks,
  hostile,
  metrics,
  connections,
  comeback,
  cluster,
  processes,
  peers,
  curves,
];
