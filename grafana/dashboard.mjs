/**
 * The dashboard, from panels.mjs and rows/. `node grafana/dashboard.mjs` writes it to dashboards/synckit.json; lint.mjs
 * fails when the two disagree.
 */
import { writeFileSync } from 'node:fs';
import { URL, fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { layOut, series } from './panels.mjs';
import { budgetRows } from './rows/budgets.mjs';
import { changesRow } from './rows/changes.mjs';
import { clientRows } from './rows/clients.mjs';
import { contentRows } from './rows/content.mjs';
import { documentRows } from './rows/documents.mjs';
import { processRows } from './rows/processes.mjs';
import { storageRow } from './rows/storage.mjs';

/** Where the dashboard lies. */
export const dashboardPath = fileURLToPath(new URL('./dashboards/synckit.json', import.meta.url));

const datasource = { type: 'prometheus', uid: '${datasource}' };

const rows = [
  processRows.overview,
  clientRows.connections,
  clientRows.messages,
  documentRows.writes,
  contentRows.texts,
  contentRows.removedFields,
  contentRows.snapshots,
  contentRows.history,
  changesRow,
  documentRows.fanOut,
  documentRows.shards,
  storageRow,
  documentRows.bus,
  documentRows.memory,
  clientRows.refusals,
  budgetRows.budgets,
  clientRows.awareness,
  processRows.processes,
];

/** The dashboard as Grafana 10 and newer take it. */
export const dashboard = {
  title: 'SyncKit server',
  uid: 'synckit',
  description: 'One or more processes of the SyncKit server. Generated from grafana/dashboard.mjs.',
  tags: ['synckit'],
  schemaVersion: 39,
  editable: true,
  graphTooltip: 1,
  refresh: '30s',
  time: { from: 'now-1h', to: 'now' },
  timezone: 'browser',
  annotations: {
    list: [
      {
        name: 'Process starts',
        type: 'prometheus',
        datasource,
        enable: true,
        iconColor: 'blue',
        expr: `${series('process_start_time_seconds')} * 1000`,
        step: '60s',
        titleFormat: 'started: {{instance}}',
        useValueForTime: true,
      },
    ],
  },
  templating: {
    list: [
      { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {}, hide: 0 },
      labelVariable('job', 'Job', 'label_values(synckit_build_info, job)'),
      labelVariable('instance', 'Instance', 'label_values(synckit_build_info{job=~"$job"}, instance)'),
    ],
  },
  panels: layOut(rows),
};

/** The text of the file. */
export function dashboardText() {
  return format(JSON.stringify(dashboard), { parser: 'json', printWidth: 120 });
}

/** One or more values of a label; all of them to begin with. */
function labelVariable(name, label, query) {
  return {
    name,
    label,
    type: 'query',
    datasource,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(dashboardPath, await dashboardText());
