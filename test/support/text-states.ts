/** What states of collaborative texts mean, by the twin of the core. */
import { TwinText } from '@synckit/core-wasm';

export function textOf(state: string): string {
  if (state === '') return '';
  const core = new TwinText();
  const handle = core.open();
  core.merge(handle, Buffer.from(state), false);
  return core.text(handle);
}

/** Whether a state holds nothing that the other lacks. */
export function isContained(state: string, inState: string): boolean {
  const core = new TwinText();
  const handle = core.open();
  core.merge(handle, Buffer.from(inState), false);
  return !core.merge(handle, Buffer.from(state), false).changed;
}
