/**
 * Imported first by the programs, before anything that needs a Node that is new enough. Imports of its own are only what
 * every Node has.
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { refusalOf } from './requirements.js';

/** Bytes of the head of an HTTP request: room for the longest token, in the address or a header, beside the rest. */
const MAX_HEAD_BYTES = 73_728;

// uWebSockets.js reads it when it is loaded; its own bound of 4 096 bytes is less than a token may have.
process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(MAX_HEAD_BYTES);

const { version, platform, arch } = process;
const sentence = refusalOf({ version, platform, arch, loadError: undefined, glibc: undefined }) ?? loadRefusal();
if (sentence !== undefined) {
  // Not `process.stderr`, which may be asynchronous.
  writeSync(2, `${sentence}\n`);
  process.exit(1);
}

/** Loads uWebSockets.js, which the server needs in any case. */
function loadRefusal(): string | undefined {
  let loadError: string;
  try {
    createRequire(import.meta.url)('uWebSockets.js');
    return undefined;
  } catch (error) {
    loadError = error instanceof Error ? error.message : String(error);
  }
  return refusalOf({ version, platform, arch, loadError, glibc: glibcVersion() });
}

function glibcVersion(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
