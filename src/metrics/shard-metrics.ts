import { Cells } from './cells.js';
import { cellsOf, metrics } from './table.js';

/** The counters and histograms of a shard; metrics/shard-table.ts describes each. */
export class ShardMetrics {
  /** By result. */
  readonly snapshots;
  readonly deltas;
  readonly fieldsApplied;
  readonly fieldsLost;
  readonly echoes;
  readonly echoFieldsForgotten;
  /** By reason. */
  readonly tombstonesPurged;
  readonly writesExpired;
  readonly operationsPerFlush;
  readonly textsJoined;
  /** By result. */
  readonly textReplacements;
  readonly largeTexts;
  readonly textBytesWritten;
  readonly textCompactions;
  readonly relayed;
  readonly taskTime;
  readonly mergeTime;
  readonly commitTime;
  readonly rowsPerCommit;
  readonly commitFailures;
  readonly rowsRefused;
  readonly historyEntries;
  readonly historyBytes;
  readonly publishGraceExceeded;
  readonly loadTime;
  readonly documentsLoaded;
  readonly loadFailures;
  readonly documentsEvicted;
  readonly staleDocuments;
  /** By source. */
  readonly impossibleStamps;
  /** By error code. */
  readonly errors;
  /** Given to the bus. `connected` is not counted here: it is part of the status that the shard sends. */
  readonly bus;

  /** @param memory From `MetricsRegistry.addShard`; when undefined, nothing is counted. */
  constructor(memory: SharedArrayBuffer | undefined) {
    const cells = new Cells(cellsOf('shard'), memory);
    this.snapshots = cells.counters(metrics.snapshots);
    this.deltas = cells.counter(metrics.deltas);
    this.fieldsApplied = cells.counter(metrics.fieldsApplied);
    this.fieldsLost = cells.counter(metrics.fieldsLost);
    this.echoes = cells.counters(metrics.echoes);
    this.echoFieldsForgotten = cells.counter(metrics.echoFieldsForgotten);
    this.tombstonesPurged = cells.counters(metrics.tombstonesPurged);
    this.writesExpired = cells.counter(metrics.writesExpired);
    this.operationsPerFlush = cells.histogram(metrics.operationsPerFlush);
    this.textsJoined = cells.counter(metrics.textsJoined);
    this.textReplacements = cells.counters(metrics.textReplacements);
    this.largeTexts = cells.counter(metrics.largeTexts);
    this.textBytesWritten = cells.counter(metrics.textBytesWritten);
    this.textCompactions = cells.counter(metrics.textCompactions);
    this.relayed = cells.counter(metrics.relayed);
    this.taskTime = cells.histogram(metrics.taskTime);
    this.mergeTime = cells.histogram(metrics.mergeTime);
    this.commitTime = cells.histogram(metrics.commitTime);
    this.rowsPerCommit = cells.histogram(metrics.rowsPerCommit);
    this.commitFailures = cells.counter(metrics.commitFailures);
    this.publishGraceExceeded = cells.counter(metrics.publishGraceExceeded);
    this.rowsRefused = cells.counter(metrics.rowsRefused);
    this.historyEntries = cells.counter(metrics.historyEntries);
    this.historyBytes = cells.counter(metrics.historyBytes);
    this.loadTime = cells.histogram(metrics.loadTime);
    this.documentsLoaded = cells.counter(metrics.documentsLoaded);
    this.loadFailures = cells.counter(metrics.loadFailures);
    this.documentsEvicted = cells.counter(metrics.documentsEvicted);
    this.staleDocuments = cells.counter(metrics.staleDocuments);
    this.impossibleStamps = cells.counters(metrics.impossibleStamps);
    this.errors = cells.counters(metrics.errorsSent);
    this.bus = {
      published: cells.counter(metrics.busPublished),
      dropped: cells.counter(metrics.busDropped),
      omitted: cells.counter(metrics.busOmitted),
      received: cells.counter(metrics.busReceived),
      gaps: cells.counter(metrics.busGaps),
      resyncs: cells.counter(metrics.busResyncs),
      malformed: cells.counter(metrics.busMalformed),
      awarenessPublished: cells.counter(metrics.awarenessPublished),
      awarenessReceived: cells.counter(metrics.awarenessReceived),
      awarenessDropped: cells.counters(metrics.awarenessDropped),
      connected: { set: () => undefined },
      lag: cells.histogram(metrics.busLag),
    };
  }
}
