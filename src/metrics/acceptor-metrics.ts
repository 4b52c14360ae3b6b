import { Cells } from './cells.js';
import { cellsOf, metrics } from './table.js';

/** The counters and histograms of the acceptor; metrics/table.ts describes each. */
export class AcceptorMetrics {
  readonly connectionsAccepted;
  /** By reason. */
  readonly connectionsRejected;
  /** By close code. */
  readonly connectionsClosed;
  readonly backpressureCloses;
  /** By result. */
  readonly authentications;
  /** By result. */
  readonly keyFetches;
  /** By result. */
  readonly accessCalls;
  /** By result. */
  readonly validations;
  readonly validationTime;
  /** By result. */
  readonly certificateRenewals;
  readonly authPollFailures;
  readonly auditDropped;
  readonly auditSkipped;
  /** These by message type. */
  readonly messagesReceived;
  readonly bytesReceived;
  readonly messagesSent;
  readonly bytesSent;
  readonly publishes;
  readonly deliveries;
  /** By error code. */
  readonly errors;
  /** By limit. */
  readonly limitRejections;
  /** By reason. */
  readonly misuses;
  readonly documentsCreated;
  /** By event. */
  readonly documentLifecycle;
  /** By result. */
  readonly snapshotEvents;
  readonly historyPruned;
  readonly historyFailures;
  readonly rollbacks;
  readonly changesPruned;
  /** By result. */
  readonly webhookDeliveries;
  readonly webhookLatency;
  readonly coalescingWait;
  readonly flushWindow;
  readonly fanoutLatency;
  readonly ackLatency;
  /** By reason. */
  readonly awarenessLeaves;
  readonly clusterAnnounceFailures;
  readonly clusterMalformed;
  /** By reason. */
  readonly awarenessDropped;

  /** @param memory From `Cells.allocate(cellsOf('acceptor'))`; when undefined, nothing is counted. */
  constructor(memory: ArrayBufferLike | undefined) {
    const cells = new Cells(cellsOf('acceptor'), memory);
    this.connectionsAccepted = cells.counter(metrics.connectionsAccepted);
    this.connectionsRejected = cells.counters(metrics.connectionsRejected);
    this.connectionsClosed = cells.counters(metrics.connectionsClosed);
    this.backpressureCloses = cells.counter(metrics.backpressureCloses);
    this.authentications = cells.counters(metrics.authentications);
    this.keyFetches = cells.counters(metrics.keyFetches);
    this.accessCalls = cells.counters(metrics.accessCalls);
    this.validations = cells.counters(metrics.validations);
    this.validationTime = cells.histogram(metrics.validationTime);
    this.certificateRenewals = cells.counters(metrics.certificateRenewals);
    this.authPollFailures = cells.counter(metrics.authPollFailures);
    this.auditSkipped = cells.counter(metrics.auditSkipped);
    this.auditDropped = cells.counter(metrics.auditDropped);
    this.messagesReceived = cells.counters(metrics.messagesReceived);
    this.bytesReceived = cells.counters(metrics.bytesReceived);
    this.messagesSent = cells.counters(metrics.messagesSent);
    this.bytesSent = cells.counters(metrics.bytesSent);
    this.publishes = cells.counter(metrics.publishes);
    this.deliveries = cells.counter(metrics.deliveries);
    this.errors = cells.counters(metrics.errorsSent);
    this.limitRejections = cells.counters(metrics.limitRejections);
    this.misuses = cells.counters(metrics.misuses);
    this.documentsCreated = cells.counter(metrics.documentsCreated);
    this.documentLifecycle = cells.counters(metrics.documentLifecycle);
    this.snapshotEvents = cells.counters(metrics.snapshotEvents);
    this.historyPruned = cells.counter(metrics.historyPruned);
    this.historyFailures = cells.counter(metrics.historyFailures);
    this.rollbacks = cells.counter(metrics.rollbacks);
    this.changesPruned = cells.counter(metrics.changesPruned);
    this.webhookDeliveries = cells.counters(metrics.webhookDeliveries);
    this.webhookLatency = cells.histogram(metrics.webhookLatency);
    this.coalescingWait = cells.histogram(metrics.coalescingWait);
    this.flushWindow = cells.histogram(metrics.flushWindow);
    this.fanoutLatency = cells.histogram(metrics.fanoutLatency);
    this.ackLatency = cells.histogram(metrics.ackLatency);
    this.awarenessLeaves = cells.counters(metrics.awarenessLeaves);
    this.clusterAnnounceFailures = cells.counter(metrics.clusterAnnounceFailures);
    this.clusterMalformed = cells.counter(metrics.clusterMalformed);
    this.awarenessDropped = cells.counters(metrics.awarenessDropped);
  }
}
