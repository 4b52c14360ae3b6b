/** `npm run bench [-- scenario …]`: runs scenarios one after the other, shows tables and keeps the numbers as JSON. */
import { Bench } from './bench.js';
import { buildRef, thisBuild, type Build } from './build.js';
import { commonConditions } from './conditions.js';
import { readOptions, usage, type Options } from './options.js';
import { medianRows, printTables, ratioRows, saveResult, type Result } from './results.js';
import type { Row, Scenario } from './scenario.js';
import { scenarios } from './scenarios/index.js';

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
await main();

async function main(): Promise<void> {
  const options = optionsOrExit();
  const unknown = options.scenarios.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    fail(`no scenario ${unknown.join(', ')}; there are: ${scenarios.map(({ name }) => name).join(', ')}`);
  }
  const wanted = scenarios.filter(({ name, onlyNamed }) =>
    options.scenarios.length === 0 ? onlyNamed !== true : options.scenarios.includes(name),
  );
  if (options.compare === undefined) {
    for (const scenario of wanted) await runAlone(scenario, options);
    return;
  }
  const { build, remove } = buildRef(options.compare);
  process.once('exit', remove);
  for (const scenario of wanted) await runBoth(scenario, options, build);
}

async function runAlone(scenario: Scenario, options: Options): Promise<void> {
  announce(scenario, options);
  const conditions = { ...commonConditions(thisBuild), ...scenario.conditions(options) };
  const rounds: Row[][] = [];
  for (let i = 0; i < roundsOf(scenario, options); i++) rounds.push(await runOnce(scenario, options, thisBuild));
  const rows = medianRows(rounds);
  printTables(rows);
  const result: Result = { scenario: scenario.name, about: scenario.about, conditions, rows, rounds };
  console.log(saveResult(scenario.name, result));
}

/** This build and the other in turns, so that both run under the same conditions. */
async function runBoth(scenario: Scenario, options: Options, other: Build): Promise<void> {
  announce(scenario, options);
  const builds = [thisBuild, other] as const;
  const conditions = builds.map((build) => ({ ...commonConditions(build), ...scenario.conditions(options) }));
  const rounds: [Row[][], Row[][]] = [[], []];
  try {
    for (let i = 0; i < roundsOf(scenario, options); i++) {
      rounds[0].push(await runOnce(scenario, options, builds[0]));
      rounds[1].push(await runOnce(scenario, options, builds[1]));
    }
  } catch (error) {
    // An older build may lack what the scenario measures; the others can still be compared.
    console.error(`${scenario.name} can't be compared: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const rows = rounds.map(medianRows) as [Row[], Row[]];
  builds.forEach((build, i) => {
    console.log(build.name);
    printTables(rows[i] ?? []);
  });
  const ratios = ratioRows(...rows);
  console.log(`${thisBuild.name} / ${other.name}`);
  printTables(ratios);
  const { name, about } = scenario;
  console.log(saveResult(`${name}-compared`, { scenario: name, about, conditions, ratios, rows, rounds }));
}

async function runOnce(scenario: Scenario, options: Options, build: Build): Promise<Row[]> {
  const bench = new Bench(options, build);
  try {
    return await scenario.run(bench);
  } finally {
    await bench.end();
  }
}

function announce(scenario: Scenario, options: Options): void {
  const conditions = Object.entries(scenario.conditions(options)).map(([name, value]) => `${name}: ${value}`);
  console.log(`\n${scenario.name}: ${scenario.about}\n${conditions.join(', ')}`);
}

function roundsOf(scenario: Scenario, options: Options): number {
  return options.rounds ?? scenario.rounds;
}

function optionsOrExit(): Options {
  let options: Options | 'help';
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  if (options !== 'help') return options;
  console.log(usage);
  console.log(scenarios.map(({ name, about }) => `  ${name.padEnd(16)}${about}`).join('\n'));
  process.exit(0);
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}
