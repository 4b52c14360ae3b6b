/** The channels of a document: one for its news, and one for its awareness, which others may want. */

const NEWS = 'doc:';
const AWARENESS = 'aw:';

export function updateChannel(documentId: string): string {
  return NEWS + documentId;
}

export function awarenessChannel(documentId: string): string {
  return AWARENESS + documentId;
}

export function isAwareness(channel: string): boolean {
  return channel.startsWith(AWARENESS);
}

/** The document of a channel. */
export function documentOf(channel: string): string {
  return channel.slice(isAwareness(channel) ? AWARENESS.length : NEWS.length);
}

/** The documents of those channels that are for news. */
export function updatesAmong(channels: readonly string[]): string[] {
  return channels.filter((channel) => !isAwareness(channel)).map(documentOf);
}

/** The documents of those channels that are for awareness. */
export function awarenessAmong(channels: readonly string[]): string[] {
  return channels.filter(isAwareness).map(documentOf);
}
