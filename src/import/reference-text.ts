/** Reads the texts of an import with the core. */
import { CoreAbort, TextCore, TextRefused } from '@synckit/core-wasm';
import type { ReadText } from './import-reference.js';

/** @param maxStateBytes Bytes of a text's state on this server: a larger one could be read, but not written. */
export function textReader(maxStateBytes: number): (state: string) => ReadText {
  let core = new TextCore({ maxStateBytes });
  return (state) => {
    try {
      return read(core, state);
    } catch (error) {
      if (error instanceof TextRefused) return { refused: `its crdt_state is refused: ${error.message}` };
      if (!(error instanceof CoreAbort)) throw error;
      core = new TextCore({ maxStateBytes });
      return { refused: `its crdt_state can not be joined: ${error.message}` };
    }
  };
}

function read(core: TextCore, state: string): ReadText {
  const handle = core.open();
  try {
    core.merge(handle, Buffer.from(state), false);
    if (core.version(handle) === 0) return { empty: true };
    return { bytes: core.changesSince(handle, 0), text: core.text(handle) };
  } finally {
    core.close(handle);
  }
}
