/** From where on server-sent events of a document are resumed: what of a clock a reader of them keeps, as one short text. */
import { COMMITS_ENTRY, SHOWN_ENTRY, type Claims } from './claims.js';
import { isCount } from './clock.js';

export interface ResumePoint extends Claims {
  /** The largest L that was sent. */
  readonly server: number;
  /** Who made the write whose stamp is `shown`; undefined if it is not known. */
  readonly writer?: string | undefined;
}

const pattern = /^(\d{1,16}|-)\.(\d{1,16}|-)\.(\d{1,16})\.([^"\\\s]{0,2500})$/;

/** As `Last-Event-ID` has it: no quotes, no white space. */
export function formatResumePoint({ commits, shown, server, writer }: ResumePoint): string {
  return `${commits ?? '-'}.${shown ?? '-'}.${server}.${writer === undefined ? '' : encodeURIComponent(writer)}`;
}

/** The inverse; undefined for anything else, which clients may send. */
export function parseResumePoint(text: string): ResumePoint | undefined {
  const [, commits, shown, server = '', writer = ''] = pattern.exec(text) ?? [];
  const numbers = { commits: countOf(commits), shown: countOf(shown), server: Number(server) };
  if (commits === undefined || !isCount(numbers.server)) return undefined;
  try {
    return writer === '' ? numbers : { ...numbers, writer: decodeURIComponent(writer) };
  } catch {
    return undefined;
  }
}

/** What somebody has who was sent both. */
export function mergeResumePoints(a: ResumePoint | undefined, b: ResumePoint): ResumePoint {
  if (a === undefined) return b;
  const { shown, writer } = (b.shown ?? -1) >= (a.shown ?? -1) ? b : a;
  const commits = Math.max(a.commits ?? -1, b.commits ?? -1);
  return { commits: commits < 0 ? undefined : commits, shown, server: Math.max(a.server, b.server), writer };
}

/** As a vector for a read. */
export function vectorOf({ commits, shown, server, writer }: ResumePoint): [string, number][] {
  const vector: [string, number][] = [['server', server]];
  if (writer !== undefined && writer !== 'server' && shown !== undefined) vector.push([writer, shown]);
  if (commits !== undefined) vector.push([COMMITS_ENTRY, commits]);
  if (shown !== undefined) vector.push([SHOWN_ENTRY, shown]);
  return vector;
}

function countOf(text: string | undefined): number | undefined {
  const count = text === undefined || text === '-' ? undefined : Number(text);
  return isCount(count) ? count : undefined;
}
