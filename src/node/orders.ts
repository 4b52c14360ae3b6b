import type { Acceptor } from '../acceptor/acceptor.js';
import type { Order } from '../auth/accounts/orders.js';
import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';

export interface OrderParts {
  readonly config: Pick<Config, 'publicNodeId'>;
  readonly log: Logger;
  readonly acceptor: Pick<Acceptor, 'disconnect'>;
  readonly onDrain: () => void;
}

/** Does what an administrator ordered on some node of the cluster, as far as it concerns this one. */
export function obey(order: Order, { config, log, acceptor, onDrain }: OrderParts): void {
  if (order.kind === 'drain') {
    if (order.node === config.publicNodeId) onDrain();
    return;
  }
  const { kind, ...target } = order;
  acceptor.disconnect(target).then(
    (connections) => {
      log.info({ ...target, connections }, 'connections were ended by an administrator');
    },
    (error: unknown) => {
      log.error({ err: error, kind }, 'connections could not be ended');
    },
  );
}
