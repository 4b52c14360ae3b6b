/** The channels of a document: one for its news, and one for its awareness, which others may want. */

const NEWS = 'doc:';
const PRESENCE = 'aw:';

export function newsChannel(documentId: string): string {
  return NEWS + documentId;
}

export function presenceChannel(documentId: string): string {
  return PRESENCE + documentId;
}

export function isPresence(channel: string): boolean {
  return channel.startsWith(PRESENCE);
}

/** The document of a channel. */
export function documentOf(channel: string): string {
  return channel.slice(isPresence(channel) ? PRESENCE.length : NEWS.length);
}

/** The documents of those channels that are for news. */
export function newsAmong(channels: readonly string[]): string[] {
  return channels.filter((channel) => !isPresence(channel)).map(documentOf);
}

/** The documents of those channels that are for awareness. */
export function presenceAmong(channels: readonly string[]): string[] {
  return channels.filter(isPresence).map(documentOf);
}
