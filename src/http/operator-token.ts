/** What only operators may read: in production, whoever has METRICS_TOKEN. */
import { timingSafeEqual } from 'node:crypto';
import type { Config } from '../config/load.js';

type TokenConfig = Pick<Config, 'environment' | 'metricsToken'>;

/**
 * Whether a request shows the token.
 *
 * @param authorization The header of the request, or the empty string.
 */
export function hasToken({ metricsToken }: Pick<Config, 'metricsToken'>, authorization: string): boolean {
  return metricsToken !== undefined && equals(authorization, `Bearer ${metricsToken}`);
}

/** Whether the sender of a request may read documents' ids, counts and versions. */
export function isOperator(config: TokenConfig, authorization: string): boolean {
  return config.environment !== 'production' || hasToken(config, authorization);
}

/** Compares in constant time, so that the time reveals nothing about the token. */
function equals(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
