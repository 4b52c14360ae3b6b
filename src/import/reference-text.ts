/** Reads the texts of an import with the core, and compares them with what is stored. */
import { CoreAbort, TextCore, TextRefused } from '@synckit/core-wasm';
import type { TextUpdate } from '../storage/port.js';

/** A text as it is to be stored and as users see it, or why there is none. */
export type ReadText =
  | { readonly bytes: Uint8Array; readonly text: string }
  /** The state of a text that nobody has written in. */
  | { readonly empty: true }
  | { readonly refused: string };

export interface TextReader {
  /** Joins a state, as JSON, into an empty text. */
  read(state: string): ReadText;
  /** Whether stored updates contain another one. */
  contains(stored: readonly TextUpdate[], update: TextUpdate): boolean;
}

/** @param maxStateBytes Bytes of a text's state on this server: a larger one could be read, but not written. */
export function textReader(maxStateBytes: number): TextReader {
  let core = new TextCore({ maxStateBytes });
  const withText = <Result>(action: (handle: number) => Result): Result => {
    const handle = core.open();
    try {
      return action(handle);
    } finally {
      core.close(handle);
    }
  };
  return {
    read(state) {
      try {
        return withText((handle) => {
          core.merge(handle, Buffer.from(state), false);
          if (core.version(handle) === 0) return { empty: true };
          return { bytes: core.changesSince(handle, 0), text: core.text(handle) };
        });
      } catch (error) {
        if (error instanceof TextRefused) return { refused: `its crdt is refused: ${error.message}` };
        if (!(error instanceof CoreAbort)) throw error;
        core = new TextCore({ maxStateBytes });
        return { refused: `its crdt can not be joined: ${error.message}` };
      }
    },
    contains: (stored, update) =>
      stored.some(({ id, bytes }) => id === update.id && Buffer.compare(bytes, update.bytes) === 0) ||
      withText((handle) => {
        core.apply(
          handle,
          stored.map(({ bytes }) => bytes),
        );
        return !core.apply(handle, [update.bytes]).changed;
      }),
  };
}
