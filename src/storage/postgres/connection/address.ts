/**
 * The address of a database, as libpq reads it: one or several hosts, each by TCP or by a Unix socket.
 *
 *   postgres://user:password@one:5432,two:5432/database?target_session_attrs=read-write
 *   postgres:///database?host=/var/run/postgresql
 */

import { isIPv6 } from 'node:net';

/** What `target_session_attrs` may be. The server writes, so it uses a primary in any case. */
export const sessionAttributes = ['any', 'read-write', 'primary'] as const;

const DEFAULT_PORT = 5432;

/** The parts of such an address, with their delimiters. */
const shape = /^(postgres(?:ql)?:\/\/)((?:[^/?#@]*@)?)([^/?#@]*)((?:\/[^?#]*)?)(?:\?([^#]*))?$/;

export interface DatabaseAddress {
  /** An address of each host, in order: at least one, each a valid URL with one host. */
  readonly urls: readonly string[];
  /** Empty when not given. */
  readonly sessionAttributes: string;
  /** Empty when not given. */
  readonly sslMode: string;
}

/** @returns Undefined when it is no such address. */
export function parseDatabaseAddress(text: string): DatabaseAddress | undefined {
  const [, scheme = '', credentials = '', authority = '', path = '', query = ''] = shape.exec(text) ?? [];
  if (scheme === '') return undefined;
  const parameters = new URLSearchParams(query);
  const hosts = hostsOf(authority, parameters);
  const found = {
    sessionAttributes: take(parameters, 'target_session_attrs'),
    sslMode: parameters.get('sslmode') ?? '',
  };
  const urls = hosts?.map((host) => urlOf(scheme + credentials, host, path, parameters));
  return urls?.every((url) => URL.canParse(url)) === true ? { urls, ...found } : undefined;
}

interface Host {
  /** The folder of a Unix socket when it begins with a slash; may be empty. */
  readonly name: string;
  readonly port: number;
}

/** As in libpq, the parameters count more than what stands in the place of the host. */
function hostsOf(authority: string, parameters: URLSearchParams): Host[] | undefined {
  const inPlace = authority.split(',').map((item) => /^(.*?)(?::(\d*))?$/.exec(item) ?? []);
  const given = take(parameters, 'host');
  const names = given === '' ? inPlace.map(([, name = '']) => decode(name)) : given.split(',');
  const port = take(parameters, 'port');
  const ports = port === '' ? inPlace.map(([, , digits = '']) => digits) : port.split(',');
  // One port is that of all hosts.
  if (ports.length !== names.length && ports.length !== 1) return undefined;
  // Otherwise a slip would lead to the server of the default port.
  if (!ports.every((digits) => /^(?:0*[1-9]\d*)?$/.test(digits))) return undefined;
  return names.map((name, i) => ({ name: bracketed(name), port: Number(ports[i] ?? ports[0]) || DEFAULT_PORT }));
}

/** An IPv6 address stands in brackets in a URL, but needs none as a parameter. */
function bracketed(name: string): string {
  return isIPv6(name) ? `[${name}]` : name;
}

function urlOf(start: string, { name, port }: Host, path: string, parameters: URLSearchParams): string {
  const own = new URLSearchParams(parameters);
  if (!name.startsWith('/')) return `${start}${name || 'localhost'}:${port}${path}${queryOf(own)}`;
  // There is no TLS on a Unix socket; libpq does not try it either.
  own.delete('sslmode');
  own.set('host', name);
  return `${start}localhost:${port}${path}${queryOf(own)}`;
}

function queryOf(parameters: URLSearchParams): string {
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function take(parameters: URLSearchParams, name: string): string {
  const value = parameters.get(name) ?? '';
  parameters.delete(name);
  return value;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
