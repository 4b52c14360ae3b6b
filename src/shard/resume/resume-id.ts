import type { Claims } from '../../protocol/claims.js';
import type { FieldUpdate } from '../../protocol/encode.js';
import { formatResumePoint } from '../../protocol/resume-point.js';
import type { LoadedDocument } from '../documents/documents.js';

/** The id of a frame for server-sent events, whose last update this is. */
export function resumeId({ server, stamp, writer, claims }: FieldUpdate): string {
  const isWriterKnown = claims?.shown !== undefined && stamp >= claims.shown;
  return formatResumePoint({ ...claims, server, writer: isWriterKnown ? writer : undefined });
}

/** The id of the answer to a read for server-sent events. @param server Its fresh L. */
export function resumeIdOfAnswer({ commits: { shown } }: LoadedDocument, server: number, claims: Claims): string {
  const writer = claims.shown === undefined ? undefined : shown.writerOf(claims.shown);
  return formatResumePoint({ ...claims, server, writer });
}
