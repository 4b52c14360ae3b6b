/** Every query of the dashboard and of the alerts, run against a Prometheus that has seen a cluster under load. */
import { asksForNothing } from './coverage.mjs';

/** What Grafana would put in for `$__rate_interval` at a scrape interval of 1 s, and for `$__range`. */
const RATE_INTERVAL = '5s';
const RANGE = '1m';
/** The variable's value for all instances. */
const ALL = '.+';

/** All queries of a dashboard: `{title, expr, legend}` each. */
export function queriesOf(dashboard) {
  const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ title, expr, legend: legendFormat })),
  );
  const annotations = dashboard.annotations.list.map(({ name, expr, titleFormat }) => ({
    title: name,
    expr,
    legend: titleFormat,
  }));
  return [...panels, ...annotations];
}

/** The query as Grafana sends it. @param instance A pattern for the variable: `.+` stands for all. */
export function substitute(expr, instance) {
  const query = expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__range', RANGE)
    .replaceAll('$instance', instance)
    .replaceAll('$job', 'synckit');
  if (query.includes('$')) throw new Error(`a variable without a value in ${expr}`);
  return query;
}

/** Runs the dashboard's queries for all instances together and for each. @returns Sentences about what is wrong. */
export async function checkDashboard(prometheus, dashboard, targets, time) {
  const problems = [];
  for (const { title, expr, legend } of queriesOf(dashboard)) {
    for (const instance of [ALL, ...targets]) {
      const query = substitute(expr, instance);
      const found = (await prometheus.range(query, time)).filter(({ values }) => values.length > 0);
      const name = `panel “${title}” (${instance}): ${query}`;
      // A quantile of what was never observed is no number at all.
      const isEmptyQuantile = asksForNothing(query) && query.startsWith('histogram_quantile(');
      if (found.length === 0) problems.push(...(isEmptyQuantile ? [] : [`nothing from ${name}`]));
      // The kernel may have given one process all connections of a kind.
      else if (instance === ALL && !asksForNothing(query) && found.every(isZero)) problems.push(`only 0 from ${name}`);
      for (const label of missingLabels(legend, found)) problems.push(`no label ${label} in ${name}`);
    }
  }
  for (const { name, type, query } of dashboard.templating.list) {
    if (type !== 'query') continue;
    const [, match, label] = /^label_values\((.+), (\w+)\)$/.exec(substitute(query.query, ALL)) ?? [];
    const values = await prometheus.get(`label/${label}/values`, { 'match[]': match });
    if (values.length === 0) problems.push(`no values for the variable ${name}`);
  }
  return problems;
}

/**
 * Runs what each alert compares. An alert is quiet while all is well, so that its own expression returns nothing;
 * `operandsOf` returns what to ask instead.
 *
 * @returns Sentences about what is wrong, and the names of the alerts.
 */
export async function checkAlerts(prometheus, time) {
  const problems = [];
  const { groups } = await prometheus.get('rules');
  const rules = groups.flatMap((group) => group.rules);
  for (const { name, query, annotations, health, lastError } of rules) {
    if (health !== 'ok') problems.push(`alert ${name} is ${health}: ${lastError}`);
    const operands = operandsOf(query);
    for (const [i, operand] of operands.entries()) {
      const found = (await prometheus.range(operand, time)).filter(({ values }) => values.length > 0);
      if (found.length === 0) problems.push(`nothing from alert ${name}: ${operand}`);
      const texts =
        i === 0
          ? Object.values(annotations)
              .join(' ')
              .replaceAll(/\$labels\.(\w+)/g, '{{$1}}')
          : '';
      for (const label of missingLabels(texts, found)) problems.push(`no label ${label} in alert ${name}`);
    }
  }
  return { problems, names: rules.map(({ name }) => name) };
}

/**
 * What an alert's expression compares: it is cut at the comparisons (`> < >= <= == !=`) and set operators (`and or
 * unless`) that stand outside all brackets, and numbers are left out. Ranges of subqueries are shortened to the time that
 * the check takes. `a / b > 0.8 and c == 0` becomes `a / b` and `c`.
 *
 * @throws When a comparison stands inside brackets, where it would go unchecked.
 */
export function operandsOf(expression) {
  const tokens = expression.match(/"(?:\\.|[^"])*"|\{[^}]*\}|[<>=!]=|[<>]|[()[\]]|\w[\w.:]*|\s+|./gs) ?? [];
  const operands = [''];
  let depth = 0;
  for (const token of tokens) {
    if (token === '(' || token === '[') depth++;
    if (token === ')' || token === ']') depth--;
    const cuts = /^([<>=!]=|[<>]|and|or|unless)$/.test(token);
    if (cuts && depth > 0) throw new Error(`a comparison inside brackets cannot be checked: ${expression}`);
    if (cuts) operands.push('');
    else operands[operands.length - 1] += token;
  }
  return operands
    .map((operand) => operand.trim().replaceAll(/\[\w+:\w+\]/g, '[1m:2s]'))
    .filter((operand) => !/^[\d\s.*/+-]+$/.test(operand));
}

function missingLabels(text, found) {
  const labels = [...text.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, label]) => label);
  return labels.filter((label) => found.some((series) => series.labels[label] === undefined));
}

function isZero({ values }) {
  return values.every((value) => value === 0);
}
