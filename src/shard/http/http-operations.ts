import type { Operations } from '../../protocol/operations.js';

/** What a write by HTTP asks for. */
export interface HttpOperations extends Operations {
  /** What the text is to show; undefined to leave it as it is. */
  readonly content?: string;
  /** What the acceptor is told when it is durable, where it asks for more than that. */
  readonly receipt?: string;
}

/** Whether it writes the text of a document, in either way. */
export function changesText({ texts, content }: HttpOperations): boolean {
  return texts.length > 0 || content !== undefined;
}
