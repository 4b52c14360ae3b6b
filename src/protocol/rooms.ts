/** The documents that `/rooms` lists: those of the reference server's demo. */

const PREFIX = 'room:';

/** A document that the demo's landing page shows besides the rooms. */
export const WORDWALL = 'wordwall';

/** Whether a document is a room, and not one of the texts in it. */
export function isRoom(documentId: string): boolean {
  return documentId.startsWith(PREFIX) && !documentId.includes(':text:');
}

/** The name of a room: the id of its document without the prefix. */
export function roomName(documentId: string): string {
  return documentId.slice(PREFIX.length);
}
