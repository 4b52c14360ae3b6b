/**
 * Runs several test files in one process: `node import-all.mjs FILE…`. Half of what a small file takes is the start of its
 * process and the loading of what it tests, which those of a folder share.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

for (const file of process.argv.slice(2)) await import(pathToFileURL(resolve(file)).href);
