import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { TaskGroup } from '../../messages/task.js';
import type { Committed, DocumentChange, Storage } from '../../storage/port.js';
import type { Documents, LoadedDocument } from '../documents/documents.js';
import type { Echoes } from '../echo/echoes.js';
import { ALL_VARIANTS, liftedBy, publishChanges, shownOf } from '../frames.js';
import type { OpenGroup } from '../open-task.js';
import type { Outbox } from '../outbox.js';
import { claimedCommits, whenShown } from '../resume/flush-claims.js';
import { RefusedTexts } from '../text/refused-texts.js';
import { TextWriter } from '../text/text-writer.js';
import type { PendingAck } from './batch.js';
import { Committer } from './committer.js';
import { DirtyFields } from './dirty-fields.js';
import { PublishGate } from './publish-gate.js';
import { Undo } from './undo.js';

export interface CommitsOptions {
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly storage: Storage;
  readonly log: Logger;
  readonly metrics: ShardMetrics;
  readonly outbox: Outbox;
  /** As in StallWatch, in ms. */
  readonly stallMs: number;
  /** As in CommitterOptions, unless what is shown waits for commits. */
  readonly commitGatherMs: number;
  /** When others are shown what was written; `graceMs` as in PublishGate. */
  readonly publish: { readonly when: 'merged' | 'durable'; readonly graceMs: number };
  /** Parts of the shard that are made later. */
  readonly shard: () => { readonly documents: Documents; readonly echoes: Echoes };
  /** Gives a document a fresh L. */
  readonly nextStamp: (document: LoadedDocument) => number;
  /** Does what waited for a document to be durable. */
  readonly process: (document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup) => void;
  readonly onCommitted: (changes: readonly DocumentChange[], committed: Committed) => void;
  /** The text of a document was made anew. */
  readonly onTextReplaced: (document: LoadedDocument) => void;
  /** Answers what waited for a document that can't be loaded. */
  readonly refuse: (documentId: string, group: TaskGroup, openGroup: OpenGroup) => void;
  readonly endTurn: () => void;
}

/** The way of writes into the storage: who commits them, when they are shown, and what is taken back. */
export class Commits {
  readonly dirty = new DirtyFields();
  readonly committer: Committer;
  readonly gate: PublishGate;
  readonly refusedTexts: RefusedTexts;
  readonly #texts: TextWriter;

  constructor(options: CommitsOptions) {
    const { storage, log, metrics, stallMs, publish, outbox, process, endTurn } = options;
    // Updates would wait for it too.
    const gatherMs = publish.when === 'durable' ? 0 : options.commitGatherMs;
    const { dirty } = this;
    this.#texts = new TextWriter(options.texts, metrics);
    const undo = this.#undo(options);
    this.refusedTexts = new RefusedTexts({
      ...options,
      onReplaced: (document) => {
        options.shard().documents.measure(document);
        options.onTextReplaced(document);
      },
    });
    this.committer = new Committer({
      ...{ storage, log, metrics, stallMs, gatherMs, dirty },
      onReplaced: (document, path) => {
        this.gate.replaced(document, path);
      },
      nextTextUpdate: (document) => this.#texts.nextUpdate(document),
      onTextRefused: (document) => {
        this.gate.refusedText(document);
        this.#texts.forget(document);
        this.refusedTexts.refused(document);
      },
      compactText: (isIdle) => this.#texts.compact(isIdle),
      takeBack: (document, refused, batch, commit) => {
        const paths = refused.map(({ path }) => path);
        this.gate.refused(document, paths, batch);
        return undo.takeBack(document, refused, commit);
      },
      onExpired: (document, paths, batch) => {
        this.gate.refused(document, paths, batch);
      },
      acknowledge: (ack) => {
        acknowledge(ack, options);
      },
      onDurable: (batch) => {
        this.gate.durable(batch);
      },
      onCommitted: options.onCommitted,
      afterCommit: endTurn,
    });
    this.gate = new PublishGate({
      durable: publish.when === 'durable',
      graceMs: publish.graceMs,
      ...{ outbox, committer: this.committer, dirty, metrics, process, endTurn },
    });
  }

  /** Whether a document must stay in memory on account of the storage. */
  needs(document: LoadedDocument): boolean {
    const isRefused = this.refusedTexts.has(document);
    return (
      isRefused ||
      this.committer.isDirty(document) ||
      this.gate.needs(document) ||
      this.#texts.needsCompaction(document)
    );
  }

  #undo({ core, outbox, shard, nextStamp }: CommitsOptions): Undo {
    return new Undo({
      core,
      dirty: this.dirty,
      measure: (document) => {
        shard().documents.measure(document);
      },
      nextStamp,
      commit: (document, write) => {
        this.committer.write(document, write);
      },
      publish: (document, changed, unprovable) => {
        const last = [...changed.values()].at(-1);
        if (last !== undefined) document.commits.shown.add(last.stamp, last.clientId);
        const commits = claimedCommits(core, document, outbox.now);
        const claims = { commits, isEarly: this.committer.isDirty(document), unprovable };
        const routing = { exceptOf: () => 0, liftedBy: liftedBy(document, changed, outbox.now) };
        this.gate.showFields(document, {
          paths: changed.keys(),
          send: (isShown, isStored) => {
            const shown = shownOf(changed, isShown);
            publishChanges(outbox, document, shown, ALL_VARIANTS, 0, whenShown(claims, isStored), undefined, routing);
          },
        });
        shard().echoes.republished(document, changed.keys(), document.stamp);
      },
    });
  }
}

/** Answers a message whose fate is known. */
function acknowledge(ack: PendingAck, { outbox, metrics }: CommitsOptions): void {
  const { origin, messageId, documentId, echo, failure } = ack;
  if (echo !== undefined) outbox.releaseUpTo(echo);
  if (failure !== undefined) {
    metrics.errors(failure.code).add(1);
    outbox.error(origin, failure.code, { documentId, messageId }, failure.message);
  } else if (messageId !== undefined) {
    outbox.ack(origin, messageId, ack.receivedAt);
  }
  ack.openGroup.settleRecord();
}
