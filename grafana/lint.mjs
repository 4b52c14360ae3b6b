/**
 * `node grafana/lint.mjs`, after `npm run build`: whether dashboard, alerts, runbook and the table of metrics agree. Needs
 * neither Prometheus nor a server; check.mjs does the rest.
 */
import { readFileSync } from 'node:fs';
import { URL, fileURLToPath } from 'node:url';
import { dashboard, dashboardPath, dashboardText } from './dashboard.mjs';
import { notProvokedNames } from './check/coverage.mjs';
import { queriesOf } from './check/queries.mjs';

/** @returns Sentences about what is wrong. */
export async function lint() {
  const { metrics } = await import('../dist/src/metrics/table.js');
  const names = Object.values(metrics).map(({ name }) => name);
  return [...(await lintFile()), ...lintMetrics(names), ...lintPanels(), ...lintRunbook()];
}

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');

async function lintFile() {
  const upToDate = readFileSync(dashboardPath, 'utf8') === (await dashboardText());
  return upToDate ? [] : ['dashboards/synckit.json is not up to date: node grafana/dashboard.mjs'];
}

function lintMetrics(names) {
  const shown = queriesOf(dashboard).map(({ expr }) => expr);
  const used = metricsIn([...shown, read('alerts.yml')]);
  const known = new Set([...names, 'synckit_build_info']);
  return [
    ...names.filter((name) => !metricsIn(shown).has(name)).map((name) => `${name} is in no panel`),
    ...[...used].filter((name) => !known.has(name)).map((name) => `${name} is used but not in src/metrics/table.ts`),
    ...notProvokedNames
      .filter((name) => !known.has(name))
      .map((name) => `${name} is in check/coverage.mjs but not in src/metrics/table.ts`),
  ];
}

/** The names of our metrics in queries; of histograms, without the suffix. */
function metricsIn(texts) {
  const found = texts.flatMap((text) => text.match(/\bsynckit_\w+/g) ?? []);
  return new Set(found.map((name) => name.replace(/(_seconds|_rows|_operations)_(bucket|sum|count)$/, '$1')));
}

function lintPanels() {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  return panels.flatMap(({ title, description, fieldConfig, options }) => [
    ...(description === undefined || description === '' ? [`panel “${title}” has no description`] : []),
    ...(unitOf(fieldConfig, options) === undefined ? [`panel “${title}” has no unit`] : []),
  ]);
}

function unitOf({ defaults }, { yAxis }) {
  return defaults.unit ?? yAxis?.unit ?? defaults.mappings;
}

/** Alerts and sections of the runbook belong together. */
function lintRunbook() {
  const alerts = read('alerts.yml')
    .split(/^ +- alert: /m)
    .slice(1);
  const names = alerts.map((text) => /^\w+/.exec(text)[0]);
  const sections = [...read('../docs/runbook.md').matchAll(/^## (SyncKit\w+)$/gm)].map(([, name]) => name);
  return [
    ...names.filter((name) => !sections.includes(name)).map((name) => `docs/runbook.md has no section ${name}`),
    ...sections.filter((name) => !names.includes(name)).map((name) => `docs/runbook.md: there is no alert ${name}`),
    ...names
      .filter((name, i) => !alerts[i].includes(`runbook_url: docs/runbook.md#${name.toLowerCase()}\n`))
      .map((name) => `the runbook_url of ${name} does not lead to its section`),
    ...names
      .filter(
        (_, i) =>
          !/ severity: (page|ticket) /.test(alerts[i]) ||
          !/ summary: /.test(alerts[i]) ||
          !/ description: /.test(alerts[i]),
      )
      .map((name) => `${name} lacks severity, summary or description`),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = await lint();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
