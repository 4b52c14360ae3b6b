/** A small curve of the last values of a figure. */

const WIDTH = 160;
const HEIGHT = 36;
/** Values that are shown: two minutes of them. */
const POINTS = 60;
const svgNames = 'http://www.w3.org/2000/svg';

export class Sparkline {
  readonly #area = document.createElementNS(svgNames, 'path');
  readonly #line = document.createElementNS(svgNames, 'path');
  #values: number[] = [];

  /** @param parent To which it is added. */
  constructor(parent: HTMLElement) {
    const svg = document.createElementNS(svgNames, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    this.#area.setAttribute('class', 'area');
    this.#line.setAttribute('class', 'line');
    svg.append(this.#area, this.#line);
    parent.append(svg);
  }

  add(value: number): void {
    this.#values = [...this.#values, value].slice(-POINTS);
    const most = Math.max(...this.#values, Number.MIN_VALUE);
    const first = POINTS - this.#values.length;
    const points = this.#values.map((each, index) => {
      const x = ((first + index) * WIDTH) / (POINTS - 1);
      const y = HEIGHT - 2 - ((HEIGHT - 4) * each) / most;
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    const start = ((first * WIDTH) / (POINTS - 1)).toFixed(1);
    this.#line.setAttribute('d', `M${points.join('L')}`);
    this.#area.setAttribute('d', `M${start} ${HEIGHT}L${points.join('L')}L${WIDTH} ${HEIGHT}Z`);
  }
}
