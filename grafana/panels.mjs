/** What a dashboard is made of: queries, panels and rows, as Grafana 10 reads them. */

const datasource = { type: 'prometheus', uid: '${datasource}' };
/** Grafana's grid is so wide. */
const COLUMNS = 24;

/** The series of a metric that belong to the chosen job and instances. @param matchers More of them: `code="INTERNAL"`. */
export function series(metric, matchers = '') {
  return `${metric}{job=~"$job", instance=~"$instance"${matchers === '' ? '' : `, ${matchers}`}}`;
}

/** How much a counter grows per second, over all processes, by these labels. */
export function rate(metric, by = '', matchers = '') {
  return sum(`rate(${series(metric, matchers)}[$__rate_interval])`, by);
}

/** A gauge, added up over all processes, by these labels. */
export function total(metric, by = '') {
  return sum(series(metric), by);
}

function sum(expression, by) {
  return by === '' ? `sum(${expression})` : `sum by (${by}) (${expression})`;
}

/** Of a histogram, over all processes together: buckets can be added up, quantiles cannot. */
export function quantile(q, metric) {
  return `histogram_quantile(${q}, sum by (le) (rate(${series(`${metric}_bucket`)}[$__rate_interval])))`;
}

/** The usual three. */
export function quantiles(metric) {
  return [
    { expr: quantile(0.5, metric), legend: 'p50' },
    { expr: quantile(0.95, metric), legend: 'p95' },
    { expr: quantile(0.99, metric), legend: 'p99' },
  ];
}

/** The mean of a histogram. */
export function mean(metric) {
  return `${rate(`${metric}_sum`)} / ${rate(`${metric}_count`)}`;
}

/**
 * Lines over time.
 *
 * @param queries `{expr, legend}` each.
 * @param options.alertAt Where an alert of alerts.yml has its threshold: drawn as a dashed line.
 * @param options.stack Whether the lines lie on top of each other.
 * @param options.width In columns of the grid, of which there are 24.
 */
export function lines(title, unit, description, queries, options = {}) {
  const { stack = false, alertAt, width = 8, max, mappings } = options;
  return {
    type: 'timeseries',
    title,
    description,
    width,
    height: 8,
    queries,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max === undefined ? {} : { max }),
        ...(mappings === undefined ? {} : { mappings }),
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: stack ? 25 : 8,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: stack ? 'normal' : 'none', group: 'A' },
          thresholdsStyle: { mode: alertAt === undefined ? 'off' : 'dashed' },
        },
        ...(alertAt === undefined ? {} : { thresholds: thresholds([{ color: 'red', value: alertAt }], 'transparent') }),
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['lastNotNull', 'max'] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** One number, with a small graph in the background. @param options.steps From which value on in which colour. */
export function stat(title, unit, description, query, options = {}) {
  const { steps = [], mappings = [], base = 'green', width = 4, named = false } = options;
  return {
    type: 'stat',
    title,
    description,
    width,
    height: 4,
    queries: [query],
    fieldConfig: { defaults: { unit, mappings, thresholds: thresholds(steps, base) }, overrides: [] },
    options: {
      colorMode: steps.length > 0 || mappings.length > 0 ? 'background' : 'value',
      graphMode: named || mappings.length > 0 ? 'none' : 'area',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: named ? 'name' : 'auto',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
  };
}

/** How the values of a histogram spread over time. */
export function heatmap(title, unit, description, metric, width = 8) {
  const expr = `sum by (le) (increase(${series(`${metric}_bucket`)}[$__rate_interval]))`;
  return {
    type: 'heatmap',
    title,
    description,
    width,
    height: 8,
    queries: [{ expr, legend: '{{le}}', format: 'heatmap' }],
    fieldConfig: { defaults: { custom: { scaleDistribution: { type: 'linear' } } }, overrides: [] },
    options: {
      calculate: false,
      cellGap: 1,
      color: { mode: 'scheme', scheme: 'Oranges', steps: 64, exponent: 0.5, fill: 'dark-orange', reverse: false },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: 'auto' },
      tooltip: { mode: 'single', showColorScale: false, yHistogram: false },
      yAxis: { axisPlacement: 'left', reverse: false, unit },
    },
  };
}

/** States over time, one line for each series. @param mappings Of `valueTexts`. */
export function states(title, description, queries, mappings, width = 8) {
  return {
    type: 'state-timeline',
    title,
    description,
    width,
    height: 8,
    queries,
    fieldConfig: {
      defaults: { mappings, custom: { fillOpacity: 70, lineWidth: 0 }, thresholds: thresholds([], 'green') },
      overrides: [],
    },
    options: {
      alignValue: 'left',
      legend: { displayMode: 'list', placement: 'bottom', showLegend: false },
      mergeValues: true,
      rowHeight: 0.8,
      showValue: 'auto',
      tooltip: { mode: 'single', sort: 'none' },
    },
  };
}

/** Texts and colours for values: `{0: ['failing', 'red']}`. */
export function valueTexts(texts) {
  const options = Object.entries(texts).map(([value, [text, color]], index) => [value, { text, color, index }]);
  return [{ type: 'value', options: Object.fromEntries(options) }];
}

function thresholds(steps, base) {
  return { mode: 'absolute', steps: [{ color: base, value: null }, ...steps] };
}

/**
 * Rows with their panels as Grafana wants them: a flat list with places in a grid. Panels go from left to right and on
 * to the next line when one is full.
 *
 * @param rows `{title, panels}` each.
 */
export function layOut(rows) {
  const placed = [];
  let id = 0;
  let y = 0;
  for (const row of rows) {
    placed.push({
      id: ++id,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
      panels: [],
    });
    let x = 0;
    let lineHeight = 0;
    for (const { width, height, queries, ...panel } of row.panels) {
      if (x + width > COLUMNS) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      const gridPos = { x, y, w: width, h: height };
      placed.push({ id: ++id, ...panel, datasource, gridPos, targets: queries.map(target) });
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
  return placed;
}

function target({ expr, legend, format = 'time_series' }, index) {
  const refId = String.fromCharCode('A'.charCodeAt(0) + index);
  return { refId, datasource, editorMode: 'code', expr, legendFormat: legend, format, range: true, instant: false };
}
