/** The rows about what documents consist of besides fields: texts, what removed fields leave, and snapshots. */
import { lines, rate, series } from '../panels.mjs';

const texts = {
  title: 'Texts and relayed operations',
  panels: [
    lines('States of texts', 'ops', 'States of collaborative texts that clients sent and that were joined.', [
      { expr: rate('synckit_text_states_total', 'instance'), legend: '{{instance}}' },
    ]),
    lines('Texts replaced', 'ops', 'Texts that were replaced by HTTP or by a snapshot, by what that came to.', [
      { expr: rate('synckit_text_replacements_total', 'result'), legend: '{{result}}' },
    ]),
    lines(
      'Texts nearly full',
      'short',
      'Texts found to be over 80 % of SYNC_MAX_TEXT_BYTES within an hour; the log names them. Deleting does not make a text smaller.',
      [{ expr: `sum by (instance) (increase(${series('synckit_large_texts_total')}[1h]))`, legend: '{{instance}}' }],
    ),
    lines(
      'Text written',
      'binBps',
      'What the storage was given of texts: a few hundred bytes for a change, and now and then a whole text.',
      [{ expr: rate('synckit_text_written_bytes_total'), legend: 'bytes' }],
    ),
    lines('Compactions', 'ops', 'Texts whose stored parts were joined to one.', [
      { expr: rate('synckit_text_compactions_total', 'instance'), legend: '{{instance}}' },
    ]),
    lines(
      'Relayed operations',
      'ops',
      'Operations of counters and sets, and the former kind of text: sent on to the other subscribers and not kept.',
      [{ expr: rate('synckit_relayed_operations_total', 'instance'), legend: '{{instance}}' }],
    ),
  ],
};

const removedFields = {
  title: 'Removed fields',
  panels: [
    lines(
      'Removed fields: purges',
      'ops',
      'Removed fields whose names were forgotten, by the bound that was exceeded, and writes that lost to a purge of another process. Much by count or bytes: fields come and go faster than the bounds allow for, so clients that were away get whole states.',
      [
        { expr: rate('synckit_tombstones_purged_total', 'reason'), legend: 'purged: {{reason}}' },
        { expr: rate('synckit_writes_expired_total'), legend: 'writes that were too old' },
      ],
    ),
  ],
};

const snapshots = {
  title: 'Snapshots of documents',
  panels: [
    lines(
      'Snapshots',
      'ops',
      'Made by request or by themselves, restored and removed; “unchanged”, “full” and “failed” were not made. “full”: SYNCKIT_SNAPSHOT_MAX_BYTES is reached.',
      [{ expr: rate('synckit_document_snapshots_total', 'result'), legend: '{{result}}' }],
    ),
    lines(
      'Documents that wait for a snapshot',
      'short',
      'Changed documents that are to get one by themselves. SYNCKIT_SNAPSHOT_MAX_WAITING at most.',
      [{ expr: series('synckit_snapshots_waiting'), legend: '{{instance}}' }],
    ),
    lines(
      'Snapshots in memory',
      'bytes',
      'Those that are being stored, read or restored. SYNCKIT_SNAPSHOT_MAX_MEMORY_BYTES at most.',
      [{ expr: series('synckit_snapshot_memory_bytes'), legend: '{{instance}}' }],
    ),
  ],
};

const history = {
  title: 'History of documents',
  panels: [
    lines(
      'History: entries',
      'ops',
      'Added by commits, and dropped because of HISTORY_MAX_AGE or HISTORY_MAX_ENTRIES. Nothing without HISTORY_PREFIXES.',
      [
        { expr: rate('synckit_history_entries_total'), legend: 'added' },
        { expr: rate('synckit_history_pruned_total'), legend: 'dropped' },
      ],
    ),
    lines('History: bytes', 'binBps', 'Values and texts that commits have added to histories.', [
      { expr: rate('synckit_history_bytes_total'), legend: 'bytes' },
    ]),
    lines(
      'History: failures and rollbacks',
      'ops',
      'Failed attempts to drop old entries, which are repeated: the log says why. Rollbacks that are durable.',
      [
        { expr: rate('synckit_history_failures_total', 'instance'), legend: 'failures: {{instance}}' },
        { expr: rate('synckit_rollbacks_total'), legend: 'rollbacks' },
      ],
    ),
  ],
};

export const contentRows = { texts, removedFields, snapshots, history };
