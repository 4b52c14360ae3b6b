import type { CredentialVerifier } from '../auth/identity.js';
import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import type { ShardSet } from '../pool/shard-set.js';
import type { HistoryClient } from '../pool/history-client.js';
import type { LifecycleClient } from '../pool/lifecycle-client.js';
import type { Apps } from './apps.js';
import type { DocumentUsers } from './fan-out/document-users.js';
import type { Audit, DecideAccess } from './session/authentication.js';
import type { WriteCheck } from './session/checked-writes.js';

export interface AcceptorOptions {
  readonly apps: Pick<Apps, 'publish' | 'left'>;
  readonly config: Config;
  readonly log: Logger;
  readonly verifier: CredentialVerifier;
  readonly audit: Audit;
  /** Undefined: what a token says about permissions counts. */
  readonly decide: DecideAccess | undefined;
  /** Undefined: nobody is asked about writes. */
  readonly writeCheck: WriteCheck | undefined;
  readonly shards: ShardSet;
  /** Lists, deletes, restores and erases documents. */
  readonly lifecycle: LifecycleClient;
  readonly history: HistoryClient;
  /** Names this process, unique among all nodes and starts. */
  readonly run: string;
  readonly metrics: AcceptorMetrics;
  /** Is told who follows which document; undefined where nobody wants to know. */
  readonly users?: DocumentUsers | undefined;
  /** Called for each write that is queued for a shard. */
  readonly onWrite?: ((documentId: string) => void) | undefined;
}
