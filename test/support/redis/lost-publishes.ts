/** Loses publishes on their way to Redis, without a word to who sent them. */
import type { Rewrite } from '../network/proxy.js';

/** Nobody is subscribed to it. What is published there gets the answer of every publish that nobody hears. */
const NOWHERE = Buffer.from('nowhere');
const CR_LF = Buffer.from('\r\n');

/** A command as it came, and where in it each of its words begins and ends. */
interface Command {
  readonly bytes: Buffer;
  readonly words: readonly (readonly [start: number, end: number])[];
}

/** For the connections of one node: put `rewriter` into their proxy. */
export class LostPublishes {
  /** Of so many publishes one is lost; 0 loses none. */
  every = 0;
  #seen = 0;
  #lost = 0;

  /** Publishes that were lost so far. */
  get lost(): number {
    return this.#lost;
  }

  /** Reads one connection's commands, which are whole numbers of RESP arrays of bulk strings. */
  readonly rewriter = (): Rewrite => {
    let rest: Buffer = Buffer.alloc(0);
    return (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      const out: Buffer[] = [];
      for (let command = readCommand(rest); command !== undefined; command = readCommand(rest)) {
        out.push(this.#loses(command) ? toNowhere(command) : command.bytes);
        rest = rest.subarray(command.bytes.length);
      }
      return Buffer.concat(out);
    };
  };

  #loses({ bytes, words }: Command): boolean {
    const [name = [0, 0]] = words;
    const isPublish = bytes.toString('latin1', ...name).toLowerCase() === 'publish';
    if (!isPublish || this.every === 0 || ++this.#seen % this.every !== 0) return false;
    this.#lost++;
    return true;
  }
}

/** @returns Undefined while not all of it is there. */
function readCommand(bytes: Buffer): Command | undefined {
  let at = 0;
  const number = (mark: string): number | undefined => {
    const end = bytes.indexOf(CR_LF, at);
    if (end === -1) return undefined;
    if (bytes.toString('latin1', at, at + 1) !== mark) throw new Error('this is no command to Redis');
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + CR_LF.length;
    return value;
  };
  const count = number('*');
  if (count === undefined) return undefined;
  const words: [number, number][] = [];
  while (words.length < count) {
    const length = number('$');
    if (length === undefined || at + length + CR_LF.length > bytes.length) return undefined;
    words.push([at, at + length]);
    at += length + CR_LF.length;
  }
  return { bytes: bytes.subarray(0, at), words };
}

/** The same publish to a channel that nobody hears. */
function toNowhere({ bytes, words }: Command): Buffer {
  return Buffer.concat([
    Buffer.from(`*${words.length}\r\n`),
    ...words.flatMap(([start, end], i) => {
      const word = i === 1 ? NOWHERE : bytes.subarray(start, end);
      return [Buffer.from(`$${word.length}\r\n`), word, CR_LF];
    }),
  ]);
}
