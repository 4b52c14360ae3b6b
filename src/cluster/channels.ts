/**
 * The channels of a document: `doc:<id>` for its updates, `aw:<id>` for its awareness. Their subscribers may differ.
 */

const UPDATES = 'doc:';
const AWARENESS = 'aw:';

export function updateChannel(documentId: string): string {
  return UPDATES + documentId;
}

export function awarenessChannel(documentId: string): string {
  return AWARENESS + documentId;
}

export function isAwareness(channel: string): boolean {
  return channel.startsWith(AWARENESS);
}

/** The document of a channel. */
export function documentOf(channel: string): string {
  return channel.slice(isAwareness(channel) ? AWARENESS.length : UPDATES.length);
}

/** The documents of those channels that are for updates. */
export function updatesAmong(channels: readonly string[]): string[] {
  return channels.filter((channel) => !isAwareness(channel)).map(documentOf);
}

/** The documents of those channels that are for awareness. */
export function awarenessAmong(channels: readonly string[]): string[] {
  return channels.filter(isAwareness).map(documentOf);
}
