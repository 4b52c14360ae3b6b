/** Numbers as Grafana writes them, as far as the dashboard's units go. */

const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** @param unit One of Grafana's: `s`, `bytes`, `binBps`, `percentunit`, `cps`, `ops`, `wps` or `short`. */
export function withUnit(value, unit) {
  switch (unit) {
    case 's':
      return duration(value);
    case 'bytes':
      return bytes(value);
    case 'binBps':
      return `${bytes(value)}/s`;
    case 'percentunit':
      return `${shortNumber(value * 100)} %`;
    case 'cps':
    case 'ops':
    case 'wps':
      return `${thousands(value)}/s`;
    default:
      return thousands(value);
  }
}

/** With three digits at most, and no zeros at the end. */
export function shortNumber(value) {
  return String(Number(value.toPrecision(Math.abs(value) >= 100 ? Math.ceil(Math.log10(Math.abs(value) + 1)) : 3)));
}

function thousands(value) {
  if (Math.abs(value) >= 1e6) return `${shortNumber(value / 1e6)}M`;
  return Math.abs(value) >= 1e3 ? `${shortNumber(value / 1e3)}k` : shortNumber(value);
}

function duration(seconds) {
  if (seconds === 0) return '0 s';
  if (seconds < 1e-3) return `${shortNumber(seconds * 1e6)} µs`;
  if (seconds < 1) return `${shortNumber(seconds * 1e3)} ms`;
  return seconds < 120 ? `${shortNumber(seconds)} s` : `${shortNumber(seconds / 60)} min`;
}

function bytes(value) {
  const power = value < 1 ? 0 : Math.min(binary.length - 1, Math.floor(Math.log2(value) / 10));
  return `${shortNumber(value / 1024 ** power)} ${binary[power]}`;
}
