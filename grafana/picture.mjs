/**
 * A picture of the dashboard as SVG: the same panels, at the same places, with what the same queries return. Not Grafana's
 * own drawing, but enough to see what is there.
 */
import { substitute } from './check/queries.mjs';
import { shortNumber, withUnit } from './units.mjs';

const CELL_WIDTH = 60;
const CELL_HEIGHT = 26;
const GAP = 6;
const COLORS = [
  '#73bf69',
  '#f2cc0c',
  '#5794f2',
  '#ff9830',
  '#f2495c',
  '#b877d9',
  '#8ab8ff',
  '#96d98d',
  '#ffa6b0',
  '#ca95e5',
];
/** Points of a line, at most. */
const MAX_POINTS = 40;

/** @param time `{from, to}` in seconds. @returns The SVG. */
export async function picture(prometheus, dashboard, time) {
  const step = Math.max(1, Math.ceil((time.to - time.from) / MAX_POINTS));
  const drawn = [];
  for (const panel of dashboard.panels) {
    drawn.push(
      panel.type === 'row' ? drawRow(panel) : drawPanel(panel, await ask(prometheus, panel, { ...time, step })),
    );
  }
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const [width, height] = [24 * CELL_WIDTH, bottom * CELL_HEIGHT];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#111217"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

/** Series of all queries of a panel: `{name, labels, points: [[0…1, value], …]}`. */
async function ask(prometheus, panel, { from, to, step }) {
  const all = [];
  for (const { expr, legendFormat } of panel.targets) {
    const { result } = await prometheus.get('query_range', {
      query: substitute(expr, '.+'),
      start: from,
      end: to,
      step,
    });
    for (const { metric, values } of result) {
      const name = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '');
      const points = values.map(([at, value]) => [(at - from) / (to - from), Number(value)]);
      all.push({ name, labels: metric, points: points.filter(([, value]) => Number.isFinite(value)) });
    }
  }
  return all.filter(({ points }) => points.length > 0);
}

function drawRow({ title, gridPos }) {
  return text(GAP, gridPos.y * CELL_HEIGHT + 18, title, 'font-size="15" fill="#fff"');
}

function drawPanel(panel, series) {
  const { gridPos, title, type } = panel;
  const box = {
    x: gridPos.x * CELL_WIDTH + GAP / 2,
    y: gridPos.y * CELL_HEIGHT + GAP / 2,
    w: gridPos.w * CELL_WIDTH - GAP,
    h: gridPos.h * CELL_HEIGHT - GAP,
  };
  const draw = { stat: drawStat, heatmap: drawHeatmap, 'state-timeline': drawStates }[type] ?? drawLines;
  return [
    `<g transform="translate(${box.x} ${box.y})"><rect width="${box.w}" height="${box.h}" rx="2" fill="#181b1f"/>`,
    text(8, 16, title, 'fill="#ccccdc"'),
    draw(panel, series, box),
    '</g>',
  ].join('');
}

function drawStat({ fieldConfig, options }, [first], { w, h }) {
  if (first === undefined) return '';
  const [, value] = first.points.at(-1);
  const mapped = fieldConfig.defaults.mappings?.[0]?.options[value]?.text;
  const shown = options.textMode === 'name' ? first.name : (mapped ?? withUnit(value, fieldConfig.defaults.unit));
  const size = shown.length > 12 ? 15 : 26;
  return text(w / 2, h / 2 + 18, shown, `text-anchor="middle" font-size="${size}" fill="${COLORS[0]}"`);
}

function drawLines({ fieldConfig }, series, box) {
  const { unit, custom } = fieldConfig.defaults;
  const stacked = custom.stacking.mode === 'normal';
  const shown = series.filter(({ points }) => points.some(([, value]) => value !== 0));
  const lines = stacked ? stack(shown) : shown;
  const top = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), 0) || 1;
  const area = areaOf(box);
  const paths = lines.map(({ points }, i) => {
    const at = points.map(([t, value]) => [
      Math.round(area.x + t * area.w),
      Math.round(area.y + area.h * (1 - value / top)),
    ]);
    const line = `M${at.map(([x, y]) => `${x} ${y}`).join('L')}`;
    if (!stacked) return `<path d="${line}" fill="none" stroke="${colorOf(i)}"/>`;
    const bottom = area.y + area.h;
    return `<path d="${line}L${at.at(-1)[0]} ${bottom}H${at[0][0]}z" fill="${colorOf(i)}"/>`;
  });
  // The sum is drawn behind the others.
  return grid(area, top, unit) + paths.reverse().join('') + legend(shown, box);
}

function colorOf(i) {
  return COLORS[i % COLORS.length];
}

/** Each series on top of those before it. */
function stack(series) {
  const sums = new Map();
  return series.map((one) => ({
    ...one,
    points: one.points.map(([t, value]) => {
      sums.set(t, (sums.get(t) ?? 0) + value);
      return [t, sums.get(t)];
    }),
  }));
}

function drawHeatmap({ options }, series, box) {
  const bound = ({ labels }) => (labels.le === '+Inf' ? Infinity : Number(labels.le));
  const buckets = [...series].sort((one, other) => bound(one) - bound(other));
  const area = areaOf(box);
  const height = area.h / buckets.length;
  const width = area.w / MAX_POINTS;
  const cells = [];
  for (const [i, { points }] of buckets.entries()) {
    const below = new Map(buckets[i - 1]?.points);
    for (const [t, value] of points) {
      const own = value - (below.get(t) ?? 0);
      if (own < 0.5) continue;
      const opacity = Math.min(1, 0.2 + Math.log10(own) / 3).toFixed(1);
      const [x, y] = [Math.round(area.x + t * (area.w - width)), Math.round(area.y + area.h - (i + 1) * height)];
      cells.push(
        `<path d="M${x} ${y}h${Math.ceil(width)}v${Math.ceil(height)}h-${Math.ceil(width)}z" opacity="${opacity}"/>`,
      );
    }
  }
  const bounds = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    Math.min(buckets.length - 1, Math.floor(share * buckets.length)),
  );
  const labels = bounds.map((i) =>
    text(
      area.x - 4,
      area.y + area.h - i * height,
      boundOf(buckets[i], options.yAxis.unit),
      'text-anchor="end" fill="#888"',
    ),
  );
  return `<g fill="#ff9830">${cells.join('')}</g>${labels.join('')}`;
}

function boundOf(bucket, unit) {
  return bucket?.labels.le === '+Inf' ? '∞' : withUnit(Number(bucket?.labels.le), unit);
}

function drawStates({ fieldConfig }, series, box) {
  const area = areaOf(box);
  const height = area.h / series.length;
  const texts = fieldConfig.defaults.mappings[0].options;
  const rows = series.map(({ name, points }, i) => {
    const y = Math.round(area.y + i * height);
    const parts = points.map(([t, value], k) => {
      const x = area.x + t * area.w;
      const end = area.x + (points[k + 1]?.[0] ?? 1) * area.w;
      const color = texts[value]?.color === 'red' ? COLORS[4] : COLORS[0];
      return `<path d="M${Math.round(x)} ${y}H${Math.round(end)}v${Math.round(height - 6)}H${Math.round(x)}z" fill="${color}"/>`;
    });
    return parts.join('') + text(area.x + (points[0]?.[0] ?? 0) * area.w + 4, y + 16, name, 'fill="#111217"');
  });
  return rows.join('');
}

function areaOf({ w, h }) {
  return { x: 56, y: 26, w: w - 68, h: h - 92 };
}

function grid({ x, y, w, h }, top, unit) {
  return [0, 0.5, 1]
    .map((share) => {
      const at = Math.round(y + h * (1 - share));
      return `<path d="M${x} ${at}h${w}" stroke="#2c3235"/>${text(x - 4, at + 4, withUnit(top * share, unit), 'text-anchor="end" fill="#888"')}`;
    })
    .join('');
}

/** Names in their colours, side by side; what does not fit is left out. */
function legend(series, { w, h }) {
  if (series.length === 0) return text(60, h - 46, 'all 0', 'fill="#888"');
  let [x, y] = [10, h - 46];
  const names = [];
  for (const [i, { name }] of series.entries()) {
    const width = name.length * (name === name.toUpperCase() ? 8 : 6) + 14;
    if (x > 10 && x + width > w) [x, y] = [10, y + 14];
    if (y > h) break;
    names.push(text(x, y, name, `fill="${colorOf(i)}"`));
    x += width;
  }
  return names.join('');
}

function text(x, y, content, attributes) {
  const escaped = String(content).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${shortNumber(x)}" y="${shortNumber(y)}" ${attributes}>${escaped}</text>`;
}
