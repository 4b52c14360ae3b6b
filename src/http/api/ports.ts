/** What the routes of the HTTP API need from the node. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Config } from '../../config/load.js';
import type { ErrorCode } from '../../errors.js';
import type { Logger } from '../../log.js';
import type { DocumentRead, DocumentReadHead, DocumentWrite, FollowRequest } from '../../messages/document-request.js';
import type { HistoryRead, HistoryResults, RollbackRequest, RolledBack } from '../../messages/history.js';
import type { EndingRequest } from '../../messages/lifecycle-request.js';
import type { ListPage, ListRequest } from '../../storage/lifecycle/port.js';
import type { ChangesPort } from '../changes/ports.js';
import type { SnapshotsPort } from '../snapshots/ports.js';
import type { HttpDeps } from '../ports.js';

/** What a client has shown; the text of a token or of an API key. */
export interface Credential {
  readonly kind: 'token' | 'key';
  readonly text: string;
}

export interface Sender {
  /** Of the client, behind trusted proxies. */
  readonly address: string;
  readonly credential: Credential | undefined;
}

/** The authenticated sender of one request. What is refused rejects with a ProtocolError. */
export interface DocumentClient {
  readonly userId: string;
  /** Whether it stands for everybody without credentials. */
  readonly isAnonymous: boolean;
  read(documentId: string, request: DocumentRead): Promise<DocumentReadHead & { readonly body: Buffer }>;
  /** The documents that the sender may manage. */
  list(list: ListRequest): Promise<ListPage>;
  /** Deletes, restores or erases a document; resolves when it is durable. */
  end(request: EndingRequest, requestId: string): Promise<void>;
  /** Charges for a request; rejects when the sender may not do that: to manage is to write or to administer. */
  admit(documentId: string, action: 'read' | 'manage'): Promise<void>;
  /** Charges for a request about a document that is not known yet. */
  charge(): void;
  /**
   * Which documents' changes the sender may see, without asking about each of them.
   *
   * @throws ProtocolError when he may see none.
   */
  mayFollowAll(): (documentId: string) => boolean;
  /** Rejects when the sender may not write it. */
  checkWrite(documentId: string): Promise<void>;
  /** What a document was; charged like a read. */
  history<Kind extends HistoryRead['kind']>(
    documentId: string,
    request: Extract<HistoryRead, { kind: Kind }>,
  ): Promise<HistoryResults[Kind]>;
  /** Takes changes back; resolves when that is durable. */
  rollback(documentId: string, request: RollbackRequest, requestId: string): Promise<RolledBack>;
  /** Resolves when it is durable. */
  write(documentId: string, head: DocumentWrite, body: Buffer): Promise<void>;
  /** To be called once the request is answered, or its client has gone. */
  close(): void;
}

/** Where the events of a document go. */
export interface Events {
  /** @param id Where the client can resume. @returns Bytes that wait for it. */
  write(event: string, id: string | undefined, data: Uint8Array): number;
  /** The stream ends. */
  end(): void;
}

export interface Following {
  /** Some of what waited was written. @param waitingBytes That are left. */
  drained(waitingBytes: number): void;
  close(): void;
}

export interface ApiDeps {
  readonly config: Pick<
    Config,
    | 'corsOrigins'
    | 'isOpenByDefault'
    | 'maxPayloadBytes'
    | 'httpTimeoutMs'
    | 'minHttpAnswerRate'
    | 'maxHttpBodyBytes'
    | 'maxHttpBodyParts'
    | 'maxHttpAnswerBytes'
    | 'maxIdempotencyKeys'
    | 'idempotencyMs'
    | 'eventHeartbeatMs'
    | 'historyMaxPageBytes'
  >;
  readonly log: Logger;
  /** A request is refused with a code that nobody has counted. */
  readonly onRefused: (code: ErrorCode) => void;
  /** Rejects with a ProtocolError when the sender is refused. */
  readonly open: (sender: Sender) => Promise<DocumentClient>;
  /** Follows a document; rejects with a ProtocolError, with nothing written, when the sender is refused. */
  readonly follow: (sender: Sender, request: FollowRequest, events: Events) => Promise<Following>;
  readonly snapshots: SnapshotsPort;
  readonly changes: ChangesPort;
  readonly addressOf: (response: HttpResponse, request: HttpRequest) => string;
  readonly refusalOf: HttpDeps['refusalOf'];
  /** A connection is closed whose body comes in too many parts. */
  readonly refuseParts: (address: string) => void;
  /** Undefined while the node serves; else why it does not, as a sentence. */
  readonly unready: () => string | undefined;
}
