/**
 * Reads the file `.env` of the present folder, as `node --env-file` does: what the environment has already counts. Tests do
 * not depend on what a developer keeps there.
 */
import { existsSync } from 'node:fs';

if (process.env['NODE_ENV'] !== 'test' && existsSync('.env')) process.loadEnvFile('.env');
