/** The process of the server. What must happen before anything else is loaded comes first. */
import './start/signals.js';
import './start/require-supported.js';
import './start/env-file.js';

await import('./serve.js');
