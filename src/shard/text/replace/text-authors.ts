import { randomBytes } from 'node:crypto';

/** Names for those who insert on this side. No name is used twice, nor by another worker or process. */
export class TextAuthors {
  readonly #prefix = `server-${randomBytes(9).toString('base64url')}`;
  #count = 0;

  next(): string {
    return `${this.#prefix}.${(++this.#count).toString(36)}`;
  }
}
