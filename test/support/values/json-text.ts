/** JSON texts in every spelling: escapes, white space, key order, keys that come twice. */
import fc from 'fast-check';

/** A JSON value that can say what JSON.parse forgets: the order of the keys, and those that come twice. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export class JsonObject {
  constructor(readonly entries: readonly (readonly [key: string, value: Json])[]) {}
}

const units = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...Array.from('abz09 "\\/{}[]:,\n\t\u0000é€')) },
  { weight: 1, arbitrary: fc.constantFrom('\ud800', '\udfff', '𝄞', '\ufeff', '\u2028') },
);

/** Strings full of what a scan may stumble over, lone surrogates included. */
export const hardStrings = fc.string({ unit: units, maxLength: 8 });

const keys = fc.oneof(hardStrings, fc.constantFrom('documentId', 'payload', 'type', 'messageId', '__proto__', ''));

/** Any value; in its objects no key comes twice. */
export const jsonValues: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(hardStrings, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 3 }),
    objects(tie('value'), keys),
  ),
})).value;

/** Objects with these keys, each at most once, and these values. */
export function objects(values: fc.Arbitrary<Json>, names: fc.Arbitrary<string>): fc.Arbitrary<JsonObject> {
  return fc
    .uniqueArray(fc.tuple(names, values), { selector: ([key]) => key, maxLength: 5 })
    .map((entries) => new JsonObject(entries));
}

/** How a text is spelled: one number for each choice, again from the start when they run out. */
export const spellings = fc.array(fc.nat(63), { minLength: 1, maxLength: 24 });

/** Writes a value in the given spelling. */
export function spell(value: Json, spelling: readonly number[]): string {
  let at = 0;
  const choose = (): number => spelling[at++ % spelling.length]!;
  const space = (): string => ['', '', '', ' ', '\n', '\t \r'][choose() % 6]!;
  const write = (json: Json): string => {
    if (typeof json === 'string') return spellString(json, choose);
    if (json instanceof JsonObject) {
      const entries = json.entries.map(
        ([key, inner]) => `${space()}${spellString(key, choose)}${space()}:${space()}${write(inner)}${space()}`,
      );
      return `{${entries.length === 0 ? space() : entries.join(',')}}`;
    }
    if (Array.isArray(json)) return `[${(json as Json[]).map((inner) => space() + write(inner) + space()).join(',')}]`;
    return JSON.stringify(json);
  };
  return space() + write(value) + space();
}

/** Most characters as they are where that is allowed, some escaped in one of the ways there are. */
function spellString(text: string, choose: () => number): string {
  let spelled = '"';
  // By UTF-16 units: the halves of a pair may be spelled differently only when both are escaped.
  for (const character of text) {
    const plain = JSON.stringify(character).slice(1, -1);
    switch (choose() % 4) {
      case 0:
        spelled += character
          .split('')
          .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          .join('');
        break;
      case 1:
        spelled += character === '/' ? '\\/' : plain;
        break;
      default:
        spelled += plain;
    }
  }
  return spelled + '"';
}

/** A few changes to some bytes: overwritten, put in, taken out, or cut off. */
export interface Mutation {
  readonly kind: 'overwrite' | 'insert' | 'remove' | 'cut';
  /** Part of the length. */
  readonly place: number;
  readonly byte: number;
}

const jsonBytes = fc.constantFrom(...Buffer.from('"\\{}[]:,tu0-.e \u0080'), 0xff, 0xc3);

export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('overwrite', 'overwrite', 'insert', 'remove', 'cut' as const),
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.oneof(jsonBytes, fc.nat(255)),
  }),
  { maxLength: 4 },
);

export function mutate(bytes: Buffer, changes: readonly Mutation[]): Buffer {
  let mutated = bytes;
  for (const { kind, place, byte } of changes) {
    const at = Math.floor(place * mutated.length);
    const rest = mutated.subarray(kind === 'insert' ? at : at + 1);
    const put = kind === 'overwrite' || kind === 'insert' ? [byte] : [];
    mutated =
      kind === 'cut' ? mutated.subarray(0, at) : Buffer.concat([mutated.subarray(0, at), Buffer.from(put), rest]);
  }
  return Buffer.from(mutated);
}
