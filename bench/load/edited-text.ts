/** States of collaborative texts of any size and shape. */
import type { TextRun } from '#core-wasm/reference';

type Reference = Pick<typeof import('#core-wasm/reference'), 'cutRun' | 'toBlock' | 'writeTextState'>;

/** A text that was written in runs, one after the other. */
export interface TextShape {
  readonly name: string;
  readonly runs: number;
  readonly runLength: number;
}

const LETTERS = 'the quick brown fox, ';
const BASE_AUTHOR = 'client-5f1c09';
const EDITS = 10;

/** The state of the client that wrote it. */
export function textOf(reference: Reference, shape: TextShape): Uint8Array {
  return stateOf(reference, runsOf(shape), shape.runs * shape.runLength, BASE_AUTHOR);
}

/**
 * The state of a client that then made five inserts and five deletions of a character each, all over the text.
 *
 * @param shift From 0 to 1; moves the places, so that several clients edit different ones.
 */
export function editedText(reference: Reference, shape: TextShape, author: string, shift: number): Uint8Array {
  let runs = runsOf(shape);
  const characters = shape.runs * shape.runLength;
  let clock = characters;
  for (let edit = 0; edit < EDITS; edit++) {
    const at = 1 + Math.floor(((edit + shift) * characters) / (EDITS + 1));
    if (edit % 2 === 0) {
      clock++;
      const [left, right] = [placeOf(at), placeOf(at + 1)];
      runs.push({ author, first: clock, last: clock, text: 'y', left, right, deleted: false });
    } else {
      runs = runs.flatMap((run) => withoutCharacter(reference, run, at));
    }
  }
  return stateOf(
    reference,
    runs.sort((a, b) => a.last - b.last),
    clock,
    author,
  );
}

function runsOf({ runs, runLength }: TextShape): TextRun[] {
  return Array.from({ length: runs }, (_, index) => {
    const first = index * runLength + 1;
    const characters = Array.from({ length: runLength }, (_, place) => LETTERS[(first + place) % LETTERS.length]);
    return {
      author: BASE_AUTHOR,
      first,
      last: first + runLength - 1,
      text: characters.join(''),
      left: index === 0 ? null : placeOf(first - 1),
      right: null,
      deleted: false,
    };
  });
}

function withoutCharacter(reference: Reference, run: TextRun, at: number): TextRun[] {
  if (run.author !== BASE_AUTHOR || run.first > at || run.last < at) return [run];
  const cuts = [at, at + 1].filter((clock) => clock > run.first && clock <= run.last);
  return reference.cutRun(run, cuts).map((piece) => (piece.first === at ? { ...piece, deleted: true } : piece));
}

function placeOf(clock: number): NonNullable<TextRun['left']> {
  return { author: BASE_AUTHOR, clock, offset: 0 };
}

function stateOf(reference: Reference, runs: readonly TextRun[], clock: number, author: string): Uint8Array {
  return Buffer.from(reference.writeTextState({ blocks: runs.map(reference.toBlock), clock, clientId: author }));
}
