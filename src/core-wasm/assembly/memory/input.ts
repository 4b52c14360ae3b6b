/** The block into which the loader writes strings before a call. The loader allocates it and may replace it. */
let area: usize = 0;

export function useInput(block: usize): void {
  area = block;
}

export function inputArea(): usize {
  return area;
}
