/**
 * The kinds of values that a variable may have. A kind parses the text of the environment and describes the values that
 * it accepts. Kinds never repeat the text that they refuse, which may be a secret.
 */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

export interface Kind<T> {
  /** Completes the sentence “… must be”, in error messages and in docs/configuration.md. */
  readonly words: string;
  /** Parses the non-empty text of a variable. */
  readonly schema: z.ZodType<T, string>;
  /** Whether leading and trailing white space belongs to the value. */
  readonly verbatim?: boolean;
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const durationUnits: Readonly<Record<string, number>> = { s: second, m: minute, h: hour, d: day, w: 7 * day };
const sizeUnits: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A whole number from `min` to `max`, both inclusive. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  const range =
    max === Number.MAX_SAFE_INTEGER ? `of at least ${number(min)}` : `from ${number(min)} to ${number(max)}`;
  return {
    words: `a whole number ${range}`,
    schema: z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max)),
  };
}

/** A number of bytes from `min` to `max`, written with or without a binary unit. */
export function size(min: number, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  const range =
    max === Number.MAX_SAFE_INTEGER ? `at least ${formatSize(min)}` : `from ${formatSize(min)} to ${formatSize(max)}`;
  return {
    words: `a number of bytes such as 65536, 64KiB, 16MiB or 1GiB, ${range}`,
    schema: z
      .string()
      .regex(/^\d+ ?(KiB|MiB|GiB)?$/)
      .transform((text) => parseInt(text, 10) * (sizeUnits[text.slice(-3)] ?? 1))
      .pipe(z.number().min(min).max(max)),
  };
}

/** A length of time with a unit; the value is in ms. A number without a unit is refused, as it would be ambiguous. */
export function duration(): Kind<number> {
  return {
    words: 'a length of time such as 30s, 15m, 24h, 7d or 2w',
    schema: z
      .string()
      .regex(/^\d+[smhdw]$/)
      .transform((text) => parseInt(text, 10) * (durationUnits[text.slice(-1)] ?? NaN))
      .pipe(z.number().min(second).max(Number.MAX_SAFE_INTEGER)),
  };
}

/** A boolean. */
export function flag(): Kind<boolean> {
  return {
    words: 'true or false (also 1 or 0, yes or no, on or off)',
    schema: z.stringbool({ truthy: ['true', '1', 'yes', 'on'], falsy: ['false', '0', 'no', 'off'] }),
  };
}

/** One of some words. */
export function oneOf<const T extends readonly [string, ...string[]]>(...choices: T): Kind<T[number]> {
  return { words: `one of ${choices.join(', ')}`, schema: z.string().pipe(z.enum(choices)) };
}

/** A text that matches a pattern. @param words Describes such a text. */
export function text(words: string, pattern: RegExp): Kind<string> {
  return { words, schema: z.string().regex(pattern) };
}

/** Where a service is called. Who calls shows a signature: a password would be refused with each call, and be in the log. */
export function webAddress(): Kind<string> {
  return text('an address such as https://…, without a user and a password', /^https?:\/\/(?![^/?#]*@)\S+$/);
}

/** A secret. @param length Least number of characters. */
export function secret(length: number): Kind<string> {
  return { words: `at least ${number(length)} characters long`, schema: z.string().min(length), verbatim: true };
}

/** Addresses and CIDR blocks, separated by commas. */
export function addresses(): Kind<readonly string[]> {
  return {
    words: 'a comma-separated list of IP addresses and CIDR blocks',
    schema: list().pipe(z.array(z.string().refine(isAddressBlock))),
  };
}

/** Texts without commas, separated by commas. */
export function words(): Kind<readonly string[]> {
  return { words: 'a comma-separated list', schema: list() };
}

/** Hosts with or without a port, separated by commas; an IPv6 address in brackets. */
export function hosts(): Kind<readonly string[]> {
  return {
    words: 'a comma-separated list of host or host:port',
    schema: list().pipe(z.array(z.string().regex(/^([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?$/))),
  };
}

/** Origins as browsers send them, separated by commas, or `*` alone for every origin. */
export function origins(): Kind<readonly string[]> {
  return {
    words: '* or a comma-separated list of origins such as https://app.example.com (no path, no slash at the end)',
    schema: list()
      .refine((items) => !items.includes('*') || items.length === 1)
      .pipe(z.array(z.string().refine((item) => item === '*' || isOrigin(item)))),
  };
}

/** 65536 → `64 KiB`; in bytes if it is no whole number of a unit. */
export function formatSize(bytes: number): string {
  const unit = Object.entries(sizeUnits)
    .reverse()
    .find(([, factor]) => bytes >= factor && bytes % factor === 0);
  return unit === undefined ? `${number(bytes)} bytes` : `${number(bytes / unit[1])} ${unit[0]}`;
}

function list() {
  return z.string().transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
}

function isAddressBlock(item: string): boolean {
  const [address = '', prefix, ...rest] = item.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  if (!/^\d{1,3}$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), version === 4 ? 'ipv4' : 'ipv6');
    return true;
  } catch {
    return false;
  }
}

function isOrigin(item: string): boolean {
  return URL.canParse(item) && new URL(item).origin === item;
}

/** The digits in groups of three: `10 000`. */
function number(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ' ');
}
