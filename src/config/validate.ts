import type { validation } from './variables/validation.js';
import type { ValueOf } from './variable.js';

/** The application that is asked about writes before they are merged. */
export interface ValidateConfig {
  readonly url: string;
  readonly secret: string;
  /** Of the ids of the documents that it is asked about; the empty prefix stands for all. */
  readonly prefixes: readonly string[];
  readonly timeoutMs: number;
  readonly maxCalls: number;
  readonly maxWaiting: number;
  readonly whenAway: 'refuse' | 'allow';
}

type Values = { readonly [K in keyof typeof validation]: ValueOf<(typeof validation)[K]> };

/** @returns Undefined without VALIDATE_URL. */
export function validateOf(values: Values): ValidateConfig | undefined {
  const { validateUrl: url, validateSecret, validatePrefixes } = values;
  if (url === undefined) return undefined;
  return {
    url,
    secret: validateSecret ?? '',
    prefixes: validatePrefixes ?? [''],
    timeoutMs: values.validateTimeoutMs,
    maxCalls: values.validateMaxCalls,
    maxWaiting: values.validateMaxWaiting,
    whenAway: values.validateWhenAway,
  };
}
