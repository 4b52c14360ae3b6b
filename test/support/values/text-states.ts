/** What states of collaborative texts mean, by the reference implementation of the core. */
import { ReferenceText } from '#core-wasm/reference';

export function textOf(state: string): string {
  if (state === '') return '';
  const core = new ReferenceText();
  const handle = core.open();
  core.merge(handle, Buffer.from(state), false);
  return core.text(handle);
}

/** Whether a state holds nothing that the other lacks. */
export function isContained(state: string, inState: string): boolean {
  const core = new ReferenceText();
  const handle = core.open();
  core.merge(handle, Buffer.from(inState), false);
  return !core.merge(handle, Buffer.from(state), false).changed;
}
