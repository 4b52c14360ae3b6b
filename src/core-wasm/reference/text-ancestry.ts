/**
 * A growing forest that answers in logarithmic time whether one node is an ancestor of another.
 *
 * Each node has its parent and a jump pointer, chosen by depth like the digits of a skew-binary number.
 * In a state that a client wrote, parents are added before their children. Otherwise a node starts a tree of
 * its own, and the parent of its root is followed step by step.
 */
export class Ancestry {
  readonly #parent: (number | undefined)[];
  readonly #jump: Uint32Array;
  readonly #depth: Uint32Array;
  readonly #top: Uint32Array;
  readonly #added: Uint8Array;
  /** Roots with a parent: more steps than this from tree to tree mean a cycle. */
  #links = 0;

  constructor(size: number) {
    this.#parent = new Array<number | undefined>(size).fill(undefined);
    this.#jump = Uint32Array.from({ length: size }, (_, node) => node);
    this.#depth = new Uint32Array(size);
    this.#top = this.#jump.slice();
    this.#added = new Uint8Array(size);
  }

  add(node: number, parent: number | undefined): void {
    this.#added[node] = 1;
    if (parent === undefined) return;
    this.#parent[node] = parent;
    if (this.#added[parent] !== 1 || parent === node) {
      this.#links++;
      return;
    }
    const far = this.#at(this.#jump, parent);
    const farther = this.#at(this.#jump, far);
    const even = this.#depthOf(parent) - this.#depthOf(far) === this.#depthOf(far) - this.#depthOf(farther);
    this.#jump[node] = even ? farther : parent;
    this.#depth[node] = this.#depthOf(parent) + 1;
    this.#top[node] = this.#at(this.#top, parent);
  }

  /** Whether `node` is `ancestor` or below it. */
  isWithin(node: number, ancestor: number): boolean {
    let entry: number | undefined = node;
    for (let crossed = 0; entry !== undefined && crossed <= this.#links; crossed++) {
      const top = this.#at(this.#top, entry);
      if (top === this.#at(this.#top, ancestor) && this.#isBelow(entry, ancestor)) return true;
      entry = this.#parent[top];
    }
    return false;
  }

  /** The same for nodes of one tree. */
  #isBelow(node: number, ancestor: number): boolean {
    const depth = this.#depthOf(ancestor);
    let current = node;
    while (this.#depthOf(current) > depth) {
      const far = this.#at(this.#jump, current);
      current = this.#depthOf(far) >= depth ? far : (this.#parent[current] as number);
    }
    return current === ancestor;
  }

  #depthOf(node: number): number {
    return this.#at(this.#depth, node);
  }

  #at(numbers: Uint32Array, node: number): number {
    return numbers[node] as number;
  }
}
