/** What an import did, in numbers and in sentences. */

export interface ImportSummary {
  /** Rows of the table `documents`. */
  rows: number;
  /** Documents of fields that were written, those from snapshots included. */
  documents: number;
  /** Those that are removed included. */
  fields: number;
  removed: number;
  texts: number;
  /** Texts that nobody has written in; there is nothing to store for them. */
  emptyTexts: number;
  /** Texts whose content on the reference server differs from that of their states. */
  differing: number;
  /** Documents and texts that were read back from the storage and found to be what was imported. */
  verified: number;
  /** Tables, rows, fields or parts of them that were left out, or are not stored as they were read. */
  refused: number;
  /** Documents and texts that are from snapshots. */
  snapshots: number;
  snapshotsLeft: number;
}

export function newSummary(): ImportSummary {
  return {
    ...{ rows: 0, documents: 0, fields: 0, removed: 0, texts: 0, emptyTexts: 0, differing: 0 },
    ...{ verified: 0, refused: 0, snapshots: 0, snapshotsLeft: 0 },
  };
}

/** The lines that end an import. */
export function sentencesOf(sum: ImportSummary): string[] {
  const lines = [
    `Read ${sum.rows} rows of documents.`,
    `Imported ${sum.documents} documents with ${sum.fields} fields, ${sum.removed} of which are removed, and ` +
      `${sum.texts} texts; ${sum.snapshots} of them from snapshots. Empty texts: ${sum.emptyTexts}.`,
    `Read back: ${sum.verified} of ${sum.documents + sum.texts} are stored as they were read.`,
  ];
  if (sum.differing > 0) lines.push(`Texts whose content is not that of their crdt: ${sum.differing}.`);
  if (sum.snapshotsLeft > 0)
    lines.push(`Not imported: ${sum.snapshotsLeft} snapshots, which this server does not use.`);
  if (sum.refused > 0) lines.push(`Refused: ${sum.refused}.`);
  return lines;
}
