/** What has happened to a document, by who has done it and when he paused. */
import { quote } from '../../protocol/encode.js';
import type { Author, FieldEntry, HistoryEntry, TextEntry } from '../../storage/history/port.js';

export interface ActivityOptions {
  /** Two changes of one author with more time between them belong to different groups, in ms; 0: each is one. */
  readonly pauseMs: number;
  /** Groups at most. */
  readonly limit: number;
  /** Only changes of this user. */
  readonly user: string | undefined;
  /** Only changes of this field. */
  readonly field: string | undefined;
}

/** What became of one field in a group. */
interface FieldChanges {
  before: string | null;
  readonly after: string | null;
  changes: number;
}

/** What one author has done without a pause. */
interface Group {
  readonly userId: string | undefined;
  readonly clients: Set<string>;
  /** Of the oldest and the newest change, in ms since the epoch. */
  from: number;
  readonly to: number;
  changes: number;
  readonly fields: Map<string, FieldChanges>;
  textChanges: number;
  textBytes: number;
}

/** Collects groups from entries, the newest first. */
export class Activity {
  readonly #options: ActivityOptions;
  readonly #groups: Group[] = [];
  /** The last group of each author. */
  readonly #open = new Map<string, Group>();

  constructor(options: ActivityOptions) {
    this.#options = options;
  }

  /** @returns False, with nothing taken, when it would need one group more than there may be. */
  add(entry: HistoryEntry): boolean {
    const authors = this.#authorsOf(entry);
    const missing = authors.filter((author) => this.#find(author, entry.at) === undefined).length;
    if (missing > 0 && this.#groups.length > 0 && this.#groups.length + missing > this.#options.limit) return false;
    for (const author of authors) note(this.#find(author, entry.at) ?? this.#begin(author, entry.at), author, entry);
    return true;
  }

  /** The groups in JSON: their values are as they were written. */
  json(): string {
    return `[${this.#groups.map(jsonOf).join(',')}]`;
  }

  #authorsOf(entry: HistoryEntry): readonly Author[] {
    const { user, field } = this.#options;
    if (field !== undefined && (entry.kind === 'text' || entry.path !== field)) return [];
    const authors = entry.kind === 'field' ? [entry.author] : entry.authors.length === 0 ? [{}] : entry.authors;
    const wanted = user === undefined ? authors : authors.filter(({ userId }) => userId === user);
    // Of a user who has written with two clients, one.
    return wanted.filter((author, i) => wanted.findIndex((other) => keyOf(other) === keyOf(author)) === i);
  }

  #find(author: Author, at: number): Group | undefined {
    const group = this.#options.pauseMs === 0 ? undefined : this.#open.get(keyOf(author));
    return group !== undefined && group.from - at <= this.#options.pauseMs ? group : undefined;
  }

  #begin(author: Author, at: number): Group {
    const { userId } = author;
    const counts = { changes: 0, textChanges: 0, textBytes: 0 };
    const group = { userId, clients: new Set<string>(), from: at, to: at, ...counts, fields: new Map() };
    this.#open.set(keyOf(author), group);
    this.#groups.push(group);
    return group;
  }
}

/** Those who did not sign in are told apart by what their clients call themselves. */
function keyOf({ userId, clientId }: Author): string {
  return userId === undefined ? `client ${clientId ?? ''}` : `user ${userId}`;
}

function note(group: Group, { clientId }: Author, entry: HistoryEntry): void {
  if (clientId !== undefined) group.clients.add(clientId);
  group.from = Math.min(group.from, entry.at);
  group.changes++;
  if (entry.kind === 'text') noteText(group, entry);
  else noteField(group, entry);
}

function noteText(group: Group, { bytes }: TextEntry): void {
  group.textChanges++;
  group.textBytes += bytes;
}

function noteField({ fields }: Group, { path, before, after }: FieldEntry): void {
  const known = fields.get(path);
  if (known === undefined) fields.set(path, { before, after, changes: 1 });
  else {
    known.before = before;
    known.changes++;
  }
}

function jsonOf({ userId, clients, from, to, changes, fields, textChanges, textBytes }: Group): string {
  const changed = Array.from(fields, ([field, one]) => {
    const before = one.before === null ? '' : `,"before":${one.before}`;
    const after = one.after === null ? '' : `,"after":${one.after}`;
    return `{"field":${quote(field)}${before}${after},"changes":${one.changes}}`;
  });
  const text = textChanges === 0 ? '' : `,"text":{"changes":${textChanges},"bytes":${textBytes}}`;
  const times = `"from":"${new Date(from).toISOString()}","to":"${new Date(to).toISOString()}"`;
  const who = `"user":${userId === undefined ? 'null' : quote(userId)},"clients":${JSON.stringify([...clients])}`;
  return `{${who},${times},"changes":${changes},"fields":[${changed.join(',')}]${text}}`;
}
