/** What a developer wants to know first: where the server is. */
import type { Config } from '../config/load.js';

type Address = Pick<Config, 'host' | 'tls'>;

/** @param port That the server listens on. @returns One line, without its end. */
export function greeting({ host, tls }: Address, port: number): string {
  const isEverywhere = host === '0.0.0.0' || host === '::' || host === '127.0.0.1';
  const name = isEverywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const s = tls === undefined ? '' : 's';
  return `Playground: http${s}://${name}:${port}/playground   WebSocket: ws${s}://${name}:${port}/ws`;
}
