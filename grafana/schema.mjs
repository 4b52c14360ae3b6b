/**
 * `node grafana/schema.mjs`: checks dashboards/synckit.json against the schema that Grafana publishes as types, its
 * Foundation SDK. That is installed into a temporary folder, so a network is needed; then TypeScript compares each panel
 * with the types of its plugin: unknown properties and values fail. Ends with 1 when something does.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, URL } from 'node:url';

const SDK = '@grafana/grafana-foundation-sdk';
const VERSION = '0.0.21';
/** Types of panels here, and the modules that describe their options. */
const modules = { timeseries: 'timeseries', stat: 'stat', heatmap: 'heatmap', 'state-timeline': 'statetimeline' };
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'synckit-grafana-schema-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', `${SDK}@${VERSION}`];
run('npm', npm, 'the Foundation SDK could not be installed');

const dashboard = JSON.parse(readFileSync(here('dashboards/synckit.json'), 'utf8'));
writeFileSync(join(folder, 'check.ts'), [imports(), types(), ...declarations(dashboard)].join('\n'));
const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', 'check.ts'];
run(
  process.execPath,
  [here('../node_modules/typescript/bin/tsc'), ...options],
  'the dashboard does not fit the schema',
);
console.log(`${dashboard.panels.length} panels and rows fit the schema of Grafana (${SDK} ${VERSION})`);

function run(program, args, sentence) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  if (status === 0) return;
  console.error(`${sentence}:\n${stdout}${stderr}`);
  process.exit(1);
}

function imports() {
  return ['dashboard', 'prometheus', ...Object.values(modules)]
    .map((name) => `import type * as ${name} from '${SDK}/${name}';`)
    .join('\n');
}

/** In JSON, members of enumerations are their values, and what has a default may be left out. */
function types() {
  return `
type Json<T> = T extends string ? \`\${T}\`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer E)[] ? Json<E>[]
  : { [K in keyof T]?: Json<T[K]> };
type Query = Json<Omit<prometheus.Dataquery, '_implementsDataqueryVariant'>>;
type Defaults<Custom> = Omit<Json<dashboard.FieldConfig>, 'custom'> & { custom?: Json<Custom> };
type Panel<Options, Custom> = Omit<Json<dashboard.Panel>, 'options' | 'targets' | 'fieldConfig'> & {
  options: Json<Options>;
  targets: Query[];
  fieldConfig: { defaults: Defaults<Custom>; overrides: never[] };
};`;
}

/** A constant for the dashboard and one for each panel, so that an error names it. */
function declarations({ panels, ...rest }) {
  const whole = `export const dashboard_: Json<Omit<dashboard.Dashboard, 'panels'>> = ${JSON.stringify(rest, null, 1)};`;
  return [
    whole,
    ...panels.map((panel, i) => `export const panel${i}: ${typeOf(panel)} = ${JSON.stringify(panel, null, 1)};`),
  ];
}

function typeOf({ type, title }) {
  if (type === 'row') return 'Json<dashboard.RowPanel>';
  const name = modules[type];
  if (name === undefined) throw new Error(`the panel ${title} is of the type ${type}, which is not described here`);
  return `Panel<${name}.Options, ${name === 'stat' ? 'never' : `${name}.FieldConfig`}>`;
}
